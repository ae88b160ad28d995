#include "core/rows.h"
#include "lab/dense_rows.h"
#include "lab/lab_impl.h"
#include "lab/lab_math.h"
#include "lab/store_rgb.h"

namespace fastcolor {
namespace FC_LEVEL {
namespace {

struct Keep {
  float operator()(float v) const { return v; }
};
// Integer samples lie in [0, 1] by themselves; float32 is clamped.
struct ScaleU8 {
  float operator()(uint8_t v) const { return static_cast<float>(v) * (1.0f / 255.0f); }
};
struct ScaleU16 {
  float operator()(uint16_t v) const { return static_cast<float>(v) * (1.0f / 65535.0f); }
};
struct Clamp {
  float operator()(float v) const { return clamp01(v); }
};
inline bool finite(const Plane (&planes)[3], int64_t count) {
  uint32_t bad = 0;
  for (int c = 0; c < 3; ++c) {
    for (int64_t i = 0; i < count; ++i) bad |= not_finite(planes[c][i]);
  }
  return bad == 0;
}

// planes: encoded RGB in [0, 1] -> L*, a*, b*.
void block_to_lab(Plane (&planes)[3], int64_t count) {
  for (auto& plane : planes) apply_curve(kDecodeCurve, count, plane);
  for (int64_t i = 0; i < count; ++i) {
    const Xyz c = linear_to_xyz(Rgb{planes[0][i], planes[1][i], planes[2][i]});
    planes[0][i] = c.x;
    planes[1][i] = c.y;
    planes[2][i] = c.z;
  }
  for (auto& plane : planes) apply_curve(kLabCurve, count, plane);
  for (int64_t i = 0; i < count; ++i) {
    const Lab out = f_to_lab(Xyz{planes[0][i], planes[1][i], planes[2][i]});
    planes[0][i] = out.l;
    planes[1][i] = out.a;
    planes[2][i] = out.b;
  }
}

template <typename T, typename Scale>
bool to_lab(const ImageView& rgb, const ImageView& lab, int64_t first, int64_t last) {
  alignas(64) Plane planes[3] = {};
  bool ok = true;
  const bool dense = sizeof(T) == 1 && rgb.interleaved() && lab.interleaved();
  for (int64_t y = first; y < last; ++y) {
    int64_t x = 0;
    if (dense) {
      x = dense_to_lab(reinterpret_cast<const uint8_t*>(rgb.at(0, y)),
                       reinterpret_cast<float*>(lab.at(0, y)), rgb.width);
    }
    for (; x < rgb.width; x += kBlock) {
      const int64_t count = block_at(x, rgb.width);
      load_block<T>(rgb, x, y, count, planes, Scale{});
      if (sizeof(T) == sizeof(float)) {
        ok &= finite(planes, count);
        for (auto& plane : planes) {
          for (int64_t i = 0; i < count; ++i) plane[i] = clamp01(plane[i]);
        }
      }
      block_to_lab(planes, count);
      store_block<float>(lab, x, y, count, planes, Keep{});
    }
  }
  return ok;
}

struct StoreU8 {
  void operator()(const ImageView& rgb, int64_t x, int64_t y, int64_t count,
                  Plane (&planes)[3]) const {
    encode_rgb_u8(rgb, x, y, count, planes);
  }
};
template <typename T, typename Encode>
struct Store {
  void operator()(const ImageView& rgb, int64_t x, int64_t y, int64_t count,
                  Plane (&planes)[3]) const {
    for (auto& plane : planes) apply_curve(kEncodeCurve, count, plane);
    store_block<T>(rgb, x, y, count, planes, Encode{});
  }
};

template <typename Store>
bool from_lab(const ImageView& lab, const ImageView& rgb, int64_t first, int64_t last) {
  alignas(64) Plane planes[3] = {};
  bool ok = true;
  const bool dense = rgb.type == DType::u8 && rgb.interleaved() && lab.interleaved();
  for (int64_t y = first; y < last; ++y) {
    int64_t x = 0;
    if (dense) {
      x = dense_from_lab(reinterpret_cast<const float*>(lab.at(0, y)),
                         reinterpret_cast<uint8_t*>(rgb.at(0, y)), lab.width, ok);
    }
    for (; x < lab.width; x += kBlock) {
      const int64_t count = block_at(x, lab.width);
      load_block<float>(lab, x, y, count, planes, Keep{});
      ok &= finite(planes, count);
      for (int64_t i = 0; i < count; ++i) {
        const Rgb c = xyz_to_linear(lab_to_xyz(Lab{planes[0][i], planes[1][i], planes[2][i]}));
        planes[0][i] = clamp01(c.r);
        planes[1][i] = clamp01(c.g);
        planes[2][i] = clamp01(c.b);
      }
      Store{}(rgb, x, y, count, planes);
    }
  }
  return ok;
}

}  // namespace

bool rgb_to_lab_rows(const ImageView& rgb, const ImageView& lab, int64_t first, int64_t last) {
  if (rgb.type == DType::u8) return to_lab<uint8_t, ScaleU8>(rgb, lab, first, last);
  if (rgb.type == DType::u16) return to_lab<uint16_t, ScaleU16>(rgb, lab, first, last);
  return to_lab<float, Keep>(rgb, lab, first, last);
}

bool lab_to_rgb_rows(const ImageView& lab, const ImageView& rgb, int64_t first, int64_t last) {
  if (rgb.type == DType::u8) return from_lab<StoreU8>(lab, rgb, first, last);
  if (rgb.type == DType::u16) return from_lab<Store<uint16_t, EncodeU16>>(lab, rgb, first, last);
  return from_lab<Store<float, Clamp>>(lab, rgb, first, last);
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
