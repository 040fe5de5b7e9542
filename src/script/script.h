// A plan as a bash script for util-linux and coreutils: the same container without tare. Pure.
#pragma once

#include <string>

#include "plan/document.h"

namespace tare::script {

/// What the script is told besides the plan.
struct Facts {
  std::string id;         ///< of the container that was planned
  std::string directory;  ///< where the plan has what is the container's own; the script makes one itself
  std::string tarball;    ///< the root file system; empty: a directory
  std::string layer;      ///< where the plan has the tarball's unpacked tree
};

/// Throws Error{unsupported} for a container that util-linux 2.38 cannot make at all.
std::string write(const plan::Document& document, const Facts& facts);

}  // namespace tare::script
