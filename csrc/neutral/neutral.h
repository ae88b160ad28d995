// Chroma statistics, from which fastcolor.ops.is_neutral tells grey and toned scans from colour.
// What the numbers mean: neutral_math.h.
#pragma once

#include <array>
#include <vector>

#include "core/image.h"
#include "neutral/neutral_math.h"

namespace fastcolor {

using ToneTable = std::array<int64_t, kToneTableSize>;  // kToneSums numbers for each bin in turn
using Tones = std::array<Tone, kToneBins>;

// Sums over each rgb[i] (3 channels of u8, u16 or f32, any layout). On CUDA this waits for the
// stream: the numbers are wanted on the host. Throws std::invalid_argument when f32 samples are NaN
// or infinite (CPU only).
std::vector<ToneTable> tone_sums(const std::vector<ImageView>& rgb, const Place& place);

// How many pixels of each rgb[i] are off the tones[i]. The same remarks hold.
std::vector<int64_t> off_tone_counts(const std::vector<ImageView>& rgb,
                                     const std::vector<Tones>& tones, const Place& place);

}  // namespace fastcolor
