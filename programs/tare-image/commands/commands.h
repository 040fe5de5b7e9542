// The commands of tare-image. Each takes the arguments after its name and throws tare::Error.
#pragma once

namespace tare::commands {

void unpack(int count, char** arguments);

}  // namespace tare::commands
