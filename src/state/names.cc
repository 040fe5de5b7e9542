#include "state/names.h"

#include <algorithm>
#include <cstdint>
#include <sys/random.h>

#include "base/error.h"

namespace tare::state {
namespace {

constexpr std::string_view adjectives[] = {
    "agile",  "amber", "ample",  "apt",    "bold",   "brave",  "brief",   "bright",  "brisk",  "calm",
    "candid", "civil", "clean",  "clear",  "clever", "cosy",   "crisp",   "curious", "daring", "deft",
    "eager",  "early", "easy",   "fair",   "fast",   "fine",   "firm",    "fleet",   "fond",   "frank",
    "free",   "fresh", "gentle", "glad",   "golden", "good",   "grand",   "happy",   "hardy",  "honest",
    "humble", "idle",  "jolly",  "keen",   "kind",   "light",  "lively",  "lucid",   "lucky",  "mellow",
    "merry",  "mild",  "modest", "neat",   "nimble", "noble",  "patient", "plain",   "polite", "proud",
    "quick",  "quiet", "rapid",  "ready",  "sharp",  "silent", "simple",  "sleek",   "smooth", "snug",
    "sober",  "solid", "spare",  "steady", "still",  "sunny",  "sure",    "swift",   "tame",   "tidy",
    "trim",   "true",  "vivid",  "warm",   "wise",   "witty"};

constexpr std::string_view nouns[] = {
    "anchor", "anvil",  "badger", "balance", "barge",   "barrel",  "basin",   "basket", "beacon",  "beaver",
    "birch",  "bottle", "bridge", "brook",   "bucket",  "canal",   "canoe",   "canvas", "cargo",   "cedar",
    "chest",  "cliff",  "clover", "comet",   "coral",   "crate",   "creek",   "crow",   "dock",    "drum",
    "dune",   "eagle",  "elm",    "falcon",  "feather", "fern",    "ferry",   "finch",  "fjord",   "forest",
    "fox",    "garden", "glade",  "granite", "grove",   "gull",    "harbour", "hazel",  "heron",   "hill",
    "holm",   "island", "jetty",  "kettle",  "lagoon",  "lantern", "larch",   "lark",   "ledger",  "linen",
    "locker", "lodge",  "maple",  "marsh",   "meadow",  "mill",    "moor",    "oak",    "orchard", "otter",
    "owl",    "pallet", "parcel", "pebble",  "pier",    "pine",    "pond",    "quay",   "raft",    "raven",
    "reed",   "reef",   "ridge",  "river",   "robin",   "sail",    "scale",   "shore",  "sparrow", "spruce",
    "stone",  "summit", "swan",   "thistle", "trunk",   "valley",  "vessel",  "wharf",  "willow",  "wren"};

}  // namespace

bool is_name(std::string_view name) {
  constexpr auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return name.size() >= 2 && name.size() <= 255 && alphanumeric(name[0]) &&
         std::ranges::all_of(name,
                             [&](char c) { return alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

std::string random_name() {
  std::uint32_t random[2];
  if (::getrandom(random, sizeof random, 0) != sizeof random) throw system_error("cannot get random bytes");
  std::string name(adjectives[random[0] % std::size(adjectives)]);
  return name.append("_").append(nouns[random[1] % std::size(nouns)]);
}

}  // namespace tare::state
