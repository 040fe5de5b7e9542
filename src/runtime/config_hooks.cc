// The object "hooks" of config.json.
#include "runtime/config_fields.h"

namespace tare::runtime {
namespace {

using json::KnownField;
using json::Node;
using json::read_fields;

constexpr int longest_timeout = 2'000'000;  // in milliseconds it must fit into poll(2)'s int

void read_path(const Node& node, oci::Hook& hook) {
  hook.path = node.text();
  if (!hook.path.starts_with('/')) node.refuse("it is not an absolute path");
}

constexpr KnownField<oci::Hook> hook_fields[] = {
    {"path", read_path},
    {"args", [](const Node& n, oci::Hook& h) { h.args = n.texts(); }},
    {"env", [](const Node& n, oci::Hook& h) { h.env = n.texts(); }},
    {"timeout", [](const Node& n, oci::Hook& h) { h.timeout = n.integer<int>(1, longest_timeout); }},
};

void read_list(const Node& node, std::vector<oci::Hook>& hooks) {
  node.for_each_element([&](const Node& element) {
    read_fields(element, hooks.emplace_back(), hook_fields);
    if (hooks.back().path.empty()) element.refuse("path", "it is missing");
  });
}

constexpr KnownField<oci::Hooks> hooks_fields[] = {
    {"prestart", [](const Node& n, oci::Hooks& h) { read_list(n, h.prestart); }},
    {"createRuntime", [](const Node& n, oci::Hooks& h) { read_list(n, h.create_runtime); }},
    {"createContainer", [](const Node& n, oci::Hooks& h) { read_list(n, h.create_container); }},
    {"startContainer", [](const Node& n, oci::Hooks& h) { read_list(n, h.start_container); }},
    {"poststart", [](const Node& n, oci::Hooks& h) { read_list(n, h.poststart); }},
    {"poststop", [](const Node& n, oci::Hooks& h) { read_list(n, h.poststop); }},
};

}  // namespace

void read_hooks(const Node& node, oci::Hooks& hooks) { read_fields(node, hooks, hooks_fields); }

}  // namespace tare::runtime
