#include "runtime/seccomp_emitter.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <utility>

namespace tare::runtime {
namespace {

using Label = std::size_t;  // an instruction, counted from the program's end

// BPF jumps forward only, so the program is written from its end: targets are known before the jumps to them.
class Writer {
 public:
  Label add(std::uint16_t code, std::uint32_t k, std::uint8_t if_true = 0, std::uint8_t if_false = 0) {
    program_.push_back(sock_filter{code, if_true, if_false, k});
    return program_.size() - 1;
  }

  // What is reached is written again where it is too far away for a conditional jump.
  Label add_return(std::uint32_t action) {
    const auto found = returns_.find(action);
    if (found != returns_.end() && distance(found->second) < reach) return found->second;
    return returns_[action] = add(BPF_RET | BPF_K, action);
  }

  Label add_jump(std::uint16_t comparison, std::uint32_t k, Label if_true, Label if_false) {
    if (if_true == if_false) return if_true;
    if_true = bring_near(if_true);
    if_false = bring_near(if_false);
    return add(BPF_JMP | BPF_K | comparison, k, static_cast<std::uint8_t>(distance(if_true)),
               static_cast<std::uint8_t>(distance(if_false)));
  }

  // Loads come before what uses the value: `next` has to be what was added last.
  Label add_load(std::size_t offset) {
    return add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  }

  bool is_last(Label label) const { return label + 1 == program_.size(); }
  /// Falls through into `label` from what is added next.
  void continue_at(Label label) {
    if (!is_last(label)) add(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(distance(label)));
  }

  std::vector<std::uint64_t> take() {
    std::vector<std::uint64_t> program;
    for (auto one = program_.rbegin(); one != program_.rend(); ++one)
      program.push_back(std::bit_cast<std::uint64_t>(*one));
    return program;
  }

 private:
  // How many instructions lie between the next one to be added and the target.
  std::size_t distance(Label target) const { return program_.size() - target - 1; }

  Label bring_near(Label label) {
    if (distance(label) < reach) return label;
    return add(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(distance(label)));
  }

  // A jump's offset is a byte; some are kept for what bring_near() adds for the jump's other target.
  static constexpr std::size_t reach = 250;
  std::vector<sock_filter> program_;
  std::map<std::uint32_t, Label> returns_;
};

constexpr std::uint32_t lower(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
constexpr std::uint32_t upper(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

std::size_t offset_of_lower(std::uint32_t index) {
  return offsetof(seccomp_data, args) + index * sizeof(std::uint64_t) +
         (std::endian::native == std::endian::big ? sizeof(std::uint32_t) : 0);
}
std::size_t offset_of_upper(std::uint32_t index) { return offset_of_lower(index) ^ sizeof(std::uint32_t); }

Label add_masked_load(Writer& writer, Label next, std::size_t offset, std::uint32_t mask) {
  writer.continue_at(next);
  if (mask != ~std::uint32_t{0}) writer.add(BPF_ALU | BPF_AND | BPF_K, mask);
  return writer.add_load(offset);
}

bool has_one_upper_half(const ArgumentTest& test) { return upper(test.low) == upper(test.high); }

// The accumulator holds the masked lower half, the upper half is the right one.
Label add_lower_test(Writer& writer, const ArgumentTest& test, Label yes, Label no) {
  const std::uint32_t low = lower(test.low), high = lower(test.high);
  if (low == high) return writer.add_jump(BPF_JEQ, low, yes, no);
  const Label below_high = high == ~std::uint32_t{0} ? yes : writer.add_jump(BPF_JGT, high, no, yes);
  return low == 0 ? below_high : writer.add_jump(BPF_JGE, low, below_high, no);
}

Label add_halves(Writer& writer, const ArgumentTest& sample, Label lower_test, Label no) {
  const Label load = add_masked_load(writer, lower_test, offset_of_lower(sample.index), lower(sample.mask));
  if (upper(sample.mask) == 0 && upper(sample.low) == 0) return load;
  const Label upper_test = writer.add_jump(BPF_JEQ, upper(sample.low), load, no);
  return add_masked_load(writer, upper_test, offset_of_upper(sample.index), upper(sample.mask));
}

Label add_range(Writer& writer, const ArgumentTest& test, Label yes, Label no) {
  return add_halves(writer, test, add_lower_test(writer, test, yes, no), no);
}

// A range over several upper halves: the lower half counts at both of its ends only.
Label add_wide_range(Writer& writer, const ArgumentTest& test, Label yes, Label no) {
  const auto add_end = [&](std::uint64_t end, std::uint16_t lower_comparison, Label lower_true,
                           Label lower_false, Label above, Label below) {
    Label next = writer.add_jump(lower_comparison, lower(end), lower_true, lower_false);
    next = add_masked_load(writer, next, offset_of_lower(test.index), lower(test.mask));
    const Label unequal = writer.add_jump(BPF_JGT, upper(end), above, below);
    next = writer.add_jump(BPF_JEQ, upper(end), next, unequal);
    return add_masked_load(writer, next, offset_of_upper(test.index), upper(test.mask));
  };
  const Label at_most = test.high == ~std::uint64_t{0} ? yes : add_end(test.high, BPF_JGT, no, yes, no, yes);
  return test.low == 0 ? at_most : add_end(test.low, BPF_JGE, at_most, no, at_most, no);
}

Label add_test(Writer& writer, const ArgumentTest& test, Label yes, Label no) {
  if (test.negated) std::swap(yes, no);
  return has_one_upper_half(test) ? add_range(writer, test, yes, no) : add_wide_range(writer, test, yes, no);
}

// Cases of one test each that look at the same halves of the same argument are tried on one load.
bool look_alike(const Case& one, const Case& other) {
  if (one.all_of.size() != 1 || other.all_of.size() != 1 || one.action != other.action) return false;
  const ArgumentTest &a = one.all_of[0], &b = other.all_of[0];
  return !a.negated && !b.negated && a.index == b.index && a.mask == b.mask && has_one_upper_half(a) &&
         has_one_upper_half(b) && upper(a.low) == upper(b.low);
}

Label add_cases(Writer& writer, const Verdict& verdict) {
  const auto& cases = verdict.cases;
  Label next = writer.add_return(verdict.action);
  for (std::size_t end = cases.size(); end > 0;) {
    std::size_t first = end - 1;
    while (first > 0 && look_alike(cases[first - 1], cases[first])) first--;
    const Label fail = next;
    Label holds = writer.add_return(cases[first].action);
    if (end - first == 1) {
      for (auto test = cases[first].all_of.rbegin(); test != cases[first].all_of.rend(); ++test)
        holds = add_test(writer, *test, holds, fail);
      next = holds;
    } else {
      for (std::size_t i = end; i-- > first;) next = add_lower_test(writer, cases[i].all_of[0], holds, next);
      next = add_halves(writer, cases[first].all_of[0], next, fail);
    }
    end = first;
  }
  return next;
}

using Range = std::pair<std::uint32_t, const Verdict*>;

Label add_search(Writer& writer, const Range* begin, const Range* end) {
  if (end - begin == 1) {
    return add_cases(writer, *begin->second);
  }
  const Range* middle = begin + (end - begin) / 2;
  const Label above = add_search(writer, middle, end);
  const Label below = add_search(writer, begin, middle);
  return writer.add_jump(BPF_JGE, middle->first, above, below);
}

Label add_table(Writer& writer, const CallTable& table) {
  std::vector<Range> ranges;
  for (const auto& [number, verdict] : table.from)
    if (ranges.empty() || *ranges.back().second != verdict) ranges.emplace_back(number, &verdict);
  const Label search = add_search(writer, ranges.data(), ranges.data() + ranges.size());
  return add_masked_load(writer, search, offsetof(seccomp_data, nr), ~std::uint32_t{0});
}

}  // namespace

std::vector<std::uint64_t> emit_filter(const std::vector<CallTable>& tables, std::uint32_t foreign) {
  Writer writer;
  Label next = writer.add_return(foreign);
  for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
    const Label calls = add_table(writer, *table);
    next = writer.add_jump(BPF_JEQ, table->architecture, calls, next);
  }
  add_masked_load(writer, next, offsetof(seccomp_data, arch), ~std::uint32_t{0});
  return writer.take();
}

}  // namespace tare::runtime
