// The script's parts, in the order in which they stand in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "script/script.h"
#include "script/text.h"

namespace tare::script {

/// The first operation of this kind; null: none.
const plan::Entry* find(const plan::Program& program, plan::Kind kind);

class Writer {
 public:
  Writer(const plan::Document& document, const Facts& facts);
  std::string write();

 private:
  void write_head();

  // outside.cc: around the container
  void write_end();
  void write_user_namespace();
  void write_directories();
  void write_copies();
  void write_contents();
  void write_cgroups();

  // inside.cc: what its first process does before it becomes the command
  void write_stage();
  void write_build();
  void write_loopback();
  void write_command();
  void write_last_steps();
  std::string limits() const;
  std::string rights() const;

  // start.cc
  void write_start();
  /// Returns the words that close what it opens.
  std::string write_joins();
  void write_arrival();
  std::string joined() const;
  std::string unshared() const;

  /// Of its root: those that a container with ids of its own gets a copy of.
  std::vector<std::string> layers() const;
  bool has_own_ids() const { return program_.user_namespace.has_value(); }

  const plan::Document& document_;
  const plan::Program& program_;
  const Facts& facts_;
  Text text_;
};

}  // namespace tare::script
