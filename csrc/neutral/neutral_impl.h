// The two halves of the operator: row loops for each CPU level, which add to their last argument
// (false when a sample was NaN or infinite), and launchers.
#pragma once

#include "core/isa.h"
#include "neutral/neutral.h"

namespace fastcolor {

FC_DECLARE_LEVELS(bool tone_sums_rows(const ImageView& rgb, int64_t first, int64_t last,
                                      int64_t* table))
FC_DECLARE_LEVELS(bool off_tone_rows(const ImageView& rgb, const Tone* tones, int64_t first,
                                     int64_t last, int64_t* count))

namespace cuda {
void tone_sums(const std::vector<ImageView>& rgb, std::vector<ToneTable>& tables,
               const Place& place);
void off_tone_counts(const std::vector<ImageView>& rgb, const std::vector<Tones>& tones,
                     std::vector<int64_t>& counts, const Place& place);
}  // namespace cuda
}  // namespace fastcolor
