#include "core/rows.h"
#include "lab/lab_impl.h"
#include "lab/lab_math.h"

namespace fastcolor {
namespace FC_LEVEL {
namespace {

struct Keep {
  float operator()(float v) const { return v; }
};
struct DecodeU8 {
  float operator()(uint8_t v) const {
    return srgb_to_linear(static_cast<float>(v) * (1.0f / 255.0f));
  }
};
struct DecodeU16 {
  float operator()(uint16_t v) const {
    return srgb_to_linear(static_cast<float>(v) * (1.0f / 65535.0f));
  }
};
struct EncodeU8 {
  uint8_t operator()(float v) const { return static_cast<uint8_t>(round_to_uint(v * 255.0f)); }
};
struct EncodeU16 {
  uint16_t operator()(float v) const { return static_cast<uint16_t>(round_to_uint(v * 65535.0f)); }
};

inline bool finite(const Plane (&planes)[3], int64_t count) {
  uint32_t bad = 0;
  for (int c = 0; c < 3; ++c) {
    for (int64_t i = 0; i < count; ++i) bad |= not_finite(planes[c][i]);
  }
  return bad == 0;
}

template <typename T, typename Decode>
void to_lab(const ImageView& rgb, const ImageView& lab, int64_t first, int64_t last) {
  alignas(64) Plane planes[3];
  for (int64_t y = first; y < last; ++y) {
    for (int64_t x = 0; x < rgb.width; x += kBlock) {
      const int64_t count = block_at(x, rgb.width);
      load_block<T>(rgb, x, y, count, planes, Decode{});
      for (int64_t i = 0; i < count; ++i) {
        const Lab out = xyz_to_lab(linear_to_xyz({planes[0][i], planes[1][i], planes[2][i]}));
        planes[0][i] = out.l;
        planes[1][i] = out.a;
        planes[2][i] = out.b;
      }
      store_block<float>(lab, x, y, count, planes, Keep{});
    }
  }
}

// float32 samples are looked at before the curve, which clamps.
bool f32_to_lab(const ImageView& rgb, const ImageView& lab, int64_t first, int64_t last) {
  alignas(64) Plane planes[3];
  bool ok = true;
  for (int64_t y = first; y < last; ++y) {
    for (int64_t x = 0; x < rgb.width; x += kBlock) {
      const int64_t count = block_at(x, rgb.width);
      load_block<float>(rgb, x, y, count, planes, Keep{});
      ok &= finite(planes, count);
      for (int64_t i = 0; i < count; ++i) {
        const Lab out =
            xyz_to_lab(linear_to_xyz({srgb_to_linear(planes[0][i]), srgb_to_linear(planes[1][i]),
                                      srgb_to_linear(planes[2][i])}));
        planes[0][i] = out.l;
        planes[1][i] = out.a;
        planes[2][i] = out.b;
      }
      store_block<float>(lab, x, y, count, planes, Keep{});
    }
  }
  return ok;
}

template <typename T, typename Encode>
bool from_lab(const ImageView& lab, const ImageView& rgb, int64_t first, int64_t last) {
  alignas(64) Plane planes[3];
  bool ok = true;
  for (int64_t y = first; y < last; ++y) {
    for (int64_t x = 0; x < lab.width; x += kBlock) {
      const int64_t count = block_at(x, lab.width);
      load_block<float>(lab, x, y, count, planes, Keep{});
      ok &= finite(planes, count);
      for (int64_t i = 0; i < count; ++i) {
        const Rgb c = xyz_to_linear(lab_to_xyz({planes[0][i], planes[1][i], planes[2][i]}));
        planes[0][i] = linear_to_srgb(c.r);
        planes[1][i] = linear_to_srgb(c.g);
        planes[2][i] = linear_to_srgb(c.b);
      }
      store_block<T>(rgb, x, y, count, planes, Encode{});
    }
  }
  return ok;
}

}  // namespace

bool rgb_to_lab_rows(const ImageView& rgb, const ImageView& lab, int64_t first, int64_t last) {
  if (rgb.type == DType::f32) return f32_to_lab(rgb, lab, first, last);
  if (rgb.type == DType::u8) to_lab<uint8_t, DecodeU8>(rgb, lab, first, last);
  if (rgb.type == DType::u16) to_lab<uint16_t, DecodeU16>(rgb, lab, first, last);
  return true;
}

bool lab_to_rgb_rows(const ImageView& lab, const ImageView& rgb, int64_t first, int64_t last) {
  if (rgb.type == DType::u8) return from_lab<uint8_t, EncodeU8>(lab, rgb, first, last);
  if (rgb.type == DType::u16) return from_lab<uint16_t, EncodeU16>(lab, rgb, first, last);
  return from_lab<float, Keep>(lab, rgb, first, last);
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
