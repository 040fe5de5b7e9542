extern "C" [[noreturn]] void _start() {
  for (;;) {
  }
}
