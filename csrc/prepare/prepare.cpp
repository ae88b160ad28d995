#include "prepare/prepare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "core/device.h"
#include "core/isa.h"
#include "core/parallel.h"
#include "prepare/prepare_impl.h"
#include "prepare/prepare_math.h"

namespace fastcolor {

namespace cpu {

void prepare(const std::vector<PrepareItem>& items, const LightnessCode& code, const Place&) {
  for (const PrepareItem& item : items) {
    std::vector<AxisSpan> columns;  // once: their divisions cost more than the sums of a row
    for (int64_t x = 0; x < item.width; ++x) {
      columns.push_back(axis_span(x, item.luma.width, item.width));
    }
    parallel_rows(item.height, 4, [&](int64_t first, int64_t last) {
      const std::unique_ptr<uint64_t[]> sums(new uint64_t[static_cast<size_t>(item.luma.width)]);
      FC_CALL_LEVEL(, prepare_rows, item, code, columns.data(), first, last, sums.get());
    });
    const ImageView& target = item.target;
    for (int64_t y = item.height; y < target.height; ++y) {
      std::memcpy(target.at(0, y), target.at(0, reflect_index(y, item.height)),
                  static_cast<size_t>(target.width * target.pixel_stride));
    }
  }
}

}  // namespace cpu

namespace {

int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

void check(const PrepareItem& item) {
  const ImageView& luma = item.luma;
  FC_CHECK(luma.channels == 1, "luma must have one channel, got ", luma.channels);
  FC_CHECK_TYPE(luma.type == DType::u8 || luma.type == DType::u16,
                "luma must be uint8 or uint16, got ", dtype_name(luma.type));
  const ImageView& target = item.target;
  FC_CHECK_TYPE(
      target.type == DType::f32 || target.type == DType::f16 || target.type == DType::bf16,
      "out must be float32, float16 or bfloat16, got ", dtype_name(target.type));
  FC_CHECK(target.contiguous_rows(), "out must have dense rows");
  FC_CHECK(item.width >= 1 && item.height >= 1 && item.width <= target.width &&
               item.height <= target.height,
           "out must be at least as large as the working size");
  // 2^40 cells of 2^16 levels, each side counted once, still fit the 64-bit sums.
  const double cells = static_cast<double>(axis_total(luma.width, item.width)) *
                       static_cast<double>(axis_total(luma.height, item.height));
  FC_CHECK(cells < 1e12, "luma is too large");
}

}  // namespace

PreparedSize prepared_size(int64_t width, int64_t height, int64_t size, int64_t multiple,
                           int64_t step) {
  constexpr int64_t kMost = 1 << 16;
  FC_CHECK(width >= 1 && height >= 1, "luma must not be empty");
  FC_CHECK(size >= 1 && size <= kMost, "size must be from 1 to ", kMost, ", got ", size);
  FC_CHECK(multiple >= 1 && multiple <= kMost, "multiple must be from 1 to ", kMost, ", got ",
           multiple);
  FC_CHECK(step >= 1 && step <= kMost, "step must be from 1 to ", kMost, ", got ", step);
  const double scale = static_cast<double>(size) / static_cast<double>(std::min(width, height));
  const auto side = [&](int64_t full) {
    const double steps =
        std::floor(static_cast<double>(full) * scale / static_cast<double>(step) + 0.5);
    return std::max<int64_t>(static_cast<int64_t>(steps), 1) * step;
  };
  PreparedSize out{side(width), side(height), 0, 0};
  FC_CHECK(out.width <= kMost * 256 && out.height <= kMost * 256, "size ", size,
           " makes the long side of this picture too long");
  out.padded_width = round_up(out.width, multiple);
  out.padded_height = round_up(out.height, multiple);
  return out;
}

LightnessCode full_range(DType type) {
  return {0.0f, type == DType::u8 ? 255.0f : 65535.0f, 1.0f, 0.0f};
}

void prepare(const std::vector<PrepareItem>& items, const LightnessCode& code, const Place& place) {
  for (const PrepareItem& item : items) check(item);
  FC_CHECK(code.white > code.black, "levels must have black below white");
  FC_DISPATCH(place, prepare(items, code, place));
}

}  // namespace fastcolor
