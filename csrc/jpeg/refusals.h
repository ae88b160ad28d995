// Why a file cannot be taken; empty when it can.
#pragma once

#include <string>

#include "jpeg/markers.h"

namespace fastcolor::jpeg {

std::string coding_refusal(const Frame& frame);
std::string join_refusal(const Markers& grey);
std::string drop_chroma_refusal(const Markers& file);

Rope frame_segment(const Frame& frame);

}  // namespace fastcolor::jpeg
