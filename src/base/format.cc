// {fmt}, compiled once: Debian has it as a shared library only, and a program should load nothing that it can
// carry.
#define FMT_STATIC_THOUSANDS_SEPARATOR ','  // no std::locale: it would be half of the program
#include "base/format.h"

#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE

// What fmt's own library instantiates and the headers declare as being elsewhere.
template FMT_API void detail::buffer<char>::append(const char*, const char*);
template FMT_API void detail::vformat_to(detail::buffer<char>&, string_view,
                                         basic_format_args<FMT_BUFFER_CONTEXT(char)>, detail::locale_ref);

template FMT_API detail::thousands_sep_result<char> detail::thousands_sep_impl<char>(detail::locale_ref);
template FMT_API char detail::decimal_point_impl<char>(detail::locale_ref);

FMT_END_NAMESPACE
