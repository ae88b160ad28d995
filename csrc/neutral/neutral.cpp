#include "neutral/neutral.h"

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "core/device.h"
#include "core/isa.h"
#include "core/parallel.h"
#include "neutral/neutral_impl.h"

namespace fastcolor {
namespace {

void check_image(const ImageView& rgb) {
  FC_CHECK(rgb.channels == 3, "image must have 3 channels, got ", rgb.channels);
  FC_CHECK_TYPE(rgb.type == DType::u8 || rgb.type == DType::u16 || rgb.type == DType::f32,
                "image must be uint8, uint16 or float32, got ", dtype_name(rgb.type));
}

void check_tones(const Tones& tones) {
  for (const Tone& tone : tones) {
    const bool near = std::abs(int64_t{tone.cb}) <= 128 && std::abs(int64_t{tone.cr}) <= 128;
    FC_CHECK(near, "tones must lie within -128 and 128");
    for (const int64_t weight : {tone.bb, tone.br, tone.rr}) {
      FC_CHECK(std::abs(weight) <= 256, "weights of tones must be at most 256");
    }
  }
}

}  // namespace

namespace cpu {

void tone_sums(const std::vector<ImageView>& rgb, std::vector<ToneTable>& tables, const Place&) {
  for (size_t i = 0; i < rgb.size(); ++i) {
    std::atomic<bool> finite{true};
    std::mutex mutex;
    parallel_rows(rgb[i].height, 64, [&](int64_t first, int64_t last) {
      ToneTable part{};
      bool rows_finite = true;
      FC_CALL_LEVEL(rows_finite =, tone_sums_rows, rgb[i], first, last, part.data());
      if (!rows_finite) finite = false;
      const std::lock_guard lock(mutex);
      for (int k = 0; k < kToneTableSize; ++k) tables[i][k] += part[k];
    });
    FC_CHECK(finite, "image must be finite, got NaN or infinity");
  }
}

void off_tone_counts(const std::vector<ImageView>& rgb, const std::vector<Tones>& tones,
                     std::vector<int64_t>& counts, const Place&) {
  for (size_t i = 0; i < rgb.size(); ++i) {
    std::atomic<bool> finite{true};
    std::atomic<int64_t> count{0};
    parallel_rows(rgb[i].height, 64, [&](int64_t first, int64_t last) {
      int64_t part = 0;
      bool rows_finite = true;
      FC_CALL_LEVEL(rows_finite =, off_tone_rows, rgb[i], tones[i].data(), first, last, &part);
      if (!rows_finite) finite = false;
      count += part;
    });
    FC_CHECK(finite, "image must be finite, got NaN or infinity");
    counts[i] = count;
  }
}

}  // namespace cpu

std::vector<ToneTable> tone_sums(const std::vector<ImageView>& rgb, const Place& place) {
  for (const ImageView& image : rgb) check_image(image);
  std::vector<ToneTable> tables(rgb.size(), ToneTable{});
  FC_DISPATCH(place, tone_sums(rgb, tables, place));
  return tables;
}

std::vector<int64_t> off_tone_counts(const std::vector<ImageView>& rgb,
                                     const std::vector<Tones>& tones, const Place& place) {
  FC_CHECK(tones.size() == rgb.size(), "tones must hold ", rgb.size(), " tables, got ",
           tones.size());
  for (const ImageView& image : rgb) check_image(image);
  for (const Tones& table : tones) check_tones(table);
  std::vector<int64_t> counts(rgb.size());
  FC_DISPATCH(place, off_tone_counts(rgb, tones, counts, place));
  return counts;
}

}  // namespace fastcolor
