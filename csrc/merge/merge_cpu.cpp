#include "lab/store_rgb.h"
#include "merge/merge_rows.h"
#include "prepare/prepare_math.h"

namespace fastcolor {
namespace FC_LEVEL {
namespace {

// What a strip of one row works on. The steps are loops of their own: one loop of all would be a
// chain of 150 cycles, too long for a processor to begin the next turn meanwhile.
struct Work {
  alignas(64) float luma[kBlock];  // f of it
  alignas(64) Plane rgb[3];        // linear, then perhaps encoded
  alignas(64) float cb[kBlock];
  alignas(64) float cr[kBlock];
};

template <Chroma kChroma>
FC_HD void chroma_at(const ChromaStrip::Rows& rows, int64_t i, Lanes f, Lanes& a, Lanes& b) {
  const auto linear = [&](int plane) {
    return linear_sum(rows.part, load_lanes(rows.linear[plane][0] + i),
                      load_lanes(rows.linear[plane][1] + i));
  };
  const auto cubic = [&](int plane) {
    const float* const(&p)[4] = rows.cubic[plane];
    return cubic_sum(rows.weights, load_lanes(p[0] + i), load_lanes(p[1] + i), load_lanes(p[2] + i),
                     load_lanes(p[3] + i));
  };
  if (kChroma == Chroma::bilinear) {
    a = linear(0);
    b = linear(1);
    return;
  }
  a = cubic(0);
  b = cubic(1);
  if (kChroma == Chroma::bicubic) return;
  const Lanes detail = f_to_lightness(f) - cubic(2);
  a = mul_add(linear(2), detail, a);
  b = mul_add(linear(3), detail, b);
}

// f of the mean of kCodes luma codes, from their sum.
template <int kCodes>
class LumaCurve {
 public:
  explicit LumaCurve(const MergeJob& job)
      : curve_(kGreyCurve),
        step_(job.code_step / static_cast<float>(kCodes)),
        offset_(-job.black * job.code_step) {}
  __attribute__((always_inline)) Lanes operator()(Lanes sum) const {
    return curve_(clamp01(code_to_grey(sum, step_, offset_)));
  }

 private:
  CurveLanes<3> curve_;
  float step_, offset_;
};

// f of the luma.
template <typename T>
FC_HD void f_of_row(const MergeJob& job, int64_t x, int64_t y, int64_t count, Work& w) {
  const ImageView& luma = job.luma;
  const LumaCurve<1> f_of(job);
  int64_t i = 0;
  if (luma.contiguous_rows()) {
    const T* samples = reinterpret_cast<const T*>(luma.at(x, y));
    for (; i + kLanes <= count; i += kLanes) {
      store_lanes(w.luma + i, f_of(to_lanes(load_codes(samples + i))));
    }
  }
  const int64_t done = i;
  for (; i < count; ++i) {
    w.luma[i] = static_cast<float>(*reinterpret_cast<const T*>(luma.at(x + i, y)));
  }
  for (i = done; i < count; i += kLanes) {
    store_lanes(w.luma + i, f_of(load_lanes(w.luma + i)));
  }
}

// lab_f_inverse of each. Few pictures have much of its straight part, near black.
FC_HD XyzOf<Lanes> xyz_at(Lanes x, Lanes y, Lanes z) {
  XyzOf<Lanes> c{x * x * x, y * y * y, z * z * z};
  if (any_at_most(kLabStraightEnd, x, y, z)) {
    c = {lab_f_inverse(x), lab_f_inverse(y), lab_f_inverse(z)};
  }
  return c;
}

// Linear colours inside the gamut.
template <Chroma kChroma>
FC_HD void colours_of_row(const ChromaStrip::Rows& rows, int64_t count, Work& w) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const Lanes f = load_lanes(w.luma + i);
    Lanes a, b;
    chroma_at<kChroma>(rows, i, f, a, b);
    Tint<Lanes> t = tint_of(xyz_at(f + a, f, f + b));
    if (any_outside01(t.r, t.g, t.b)) t = in_gamut(t);
    store_lanes(w.rgb[0] + i, t.r);
    store_lanes(w.rgb[1] + i, t.g);
    store_lanes(w.rgb[2] + i, t.b);
  }
}

template <typename T>
void store_codes(const ImageView& view, int64_t x, int64_t y, int64_t count,
                 const float* __restrict__ codes) {
  if (view.contiguous_rows()) {
    T* __restrict__ target = reinterpret_cast<T*>(view.at(x, y));
    for (int64_t i = 0; i < count; ++i) target[i] = static_cast<T>(round_to_uint(codes[i]));
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    *reinterpret_cast<T*>(view.at(x + i, y)) = static_cast<T>(round_to_uint(codes[i]));
  }
}

FC_HD void chroma_codes_of_row(const MergeJob& job, int64_t x, int64_t y, int64_t count, Work& w) {
  const CurveLanes<3> encode(kEncodeCurve);
  const YccCode code = job.code;  // a copy, which the stores of bytes cannot change
  const auto codes_at = [&](int64_t i) __attribute__((always_inline)) {
    const auto encoded = [&](int c) { return encode(load_lanes(w.rgb[c] + i)); };
    return encode_chroma(RgbOf<Lanes>{encoded(0), encoded(1), encoded(2)}, code);
  };
  int64_t done = 0;
  if (job.cb.type == DType::u8 && job.cb.contiguous_rows() && job.cr.contiguous_rows()) {
    uint8_t* cb = reinterpret_cast<uint8_t*>(job.cb.at(x, y));
    uint8_t* cr = reinterpret_cast<uint8_t*>(job.cr.at(x, y));
    for (; done + kLanes <= count; done += kLanes) {
      const auto codes = codes_at(done);
      store_bytes(cb + done, round_lanes(codes.cb));
      store_bytes(cr + done, round_lanes(codes.cr));
    }
  }
  if (done == count) return;
  for (int64_t i = done; i < count; i += kLanes) {
    const auto codes = codes_at(i);
    store_lanes(w.cb + i - done, codes.cb);
    store_lanes(w.cr + i - done, codes.cr);
  }
  if (job.cb.type == DType::u8) {
    store_codes<uint8_t>(job.cb, x + done, y, count - done, w.cb);
    store_codes<uint8_t>(job.cr, x + done, y, count - done, w.cr);
  } else {
    store_codes<uint16_t>(job.cb, x + done, y, count - done, w.cb);
    store_codes<uint16_t>(job.cr, x + done, y, count - done, w.cr);
  }
}

// f of the mean luma under each chroma sample, of kStepX * kStepY luma samples. Samples beyond the
// border repeat it.
template <typename T, int kStepX, int kStepY>
void f_of_cells(const MergeJob& job, int64_t x0, int64_t y, int64_t count, float* f) {
  const ImageView& luma = job.luma;
  const LumaCurve<kStepX * kStepY> f_of(job);
  const int64_t first = x0 * kStepX;
  const char* rows[kStepY];
  for (int k = 0; k < kStepY; ++k) {
    rows[k] = luma.at(first, clamp_index(y * kStepY + k, luma.height));
  }
  int64_t i = 0;
  if (luma.contiguous_rows()) {
    for (; i + kLanes <= count && first + (i + kLanes) * kStepX <= luma.width; i += kLanes) {
      LaneBits sum = {};
      for (const char* row : rows) {
        const T* samples = reinterpret_cast<const T*>(row) + i * kStepX;
        sum += kStepX == 2 ? load_pairs(samples) : load_codes(samples);
      }
      store_lanes(f + i, f_of(to_lanes(sum)));
    }
  }
  const int64_t done = i;
  for (; i < count; ++i) {
    f[i] = 0.0f;
    for (const char* row : rows) {
      for (int64_t x = i * kStepX; x < (i + 1) * kStepX; ++x) {
        const int64_t inside = clamp_index(first + x, luma.width) - first;
        f[i] += static_cast<float>(*reinterpret_cast<const T*>(row + inside * luma.pixel_stride));
      }
    }
  }
  for (i = done; i < count; i += kLanes) {
    store_lanes(f + i, f_of(load_lanes(f + i)));
  }
}

template <typename T>
void f_of_cells(const MergeJob& job, int64_t x0, int64_t y, int64_t count, float* f) {
  if (job.step_y == 2) return f_of_cells<T, 2, 2>(job, x0, y, count, f);
  if (job.step_x == 2) return f_of_cells<T, 2, 1>(job, x0, y, count, f);
  f_of_cells<T, 1, 1>(job, x0, y, count, f);
}

template <Chroma kChroma>
void rgb_rows(const MergeJob& job, int64_t first, int64_t last) {
  Work w{};
  const auto soon = [&](const ChromaStrip& strip, int64_t y) {
    prefetch_block<0>(job.luma, strip.x0(), y, strip.count());
    prefetch_block<1>(job.rgb, strip.x0(), y, strip.count());
  };
  for_each_strip(job, first, last, soon, [&](ChromaStrip& strip, int64_t y) {
    const int64_t x = strip.x0();
    const int64_t count = strip.count();
    const ChromaStrip::Rows& rows = strip.rows_at(y);
    if (job.luma.type == DType::u8) {
      f_of_row<uint8_t>(job, x, y, count, w);
    } else {
      f_of_row<uint16_t>(job, x, y, count, w);
    }
    colours_of_row<kChroma>(rows, count, w);
    if (job.rgb.type == DType::u8) {
      encode_rgb_u8(job.rgb, x, y, count, w.rgb);
    } else {
      for (auto& plane : w.rgb) apply_curve(kEncodeFineCurve, count, plane);
      store_block<uint16_t>(job.rgb, x, y, count, w.rgb, EncodeU16{});
    }
  });
}

template <Chroma kChroma>
void ycc_rows(const MergeJob& job, int64_t first, int64_t last) {
  Work w{};
  const auto soon = [&](const ChromaStrip& strip, int64_t y) {
    for (int64_t row = y * job.step_y; row < (y + 1) * job.step_y; ++row) {
      prefetch_block<0>(job.luma, strip.x0() * job.step_x, row, strip.count() * job.step_x);
    }
    prefetch_block<1>(job.cb, strip.x0(), y, strip.count());
    prefetch_block<1>(job.cr, strip.x0(), y, strip.count());
  };
  for_each_strip(job, first, last, soon, [&](ChromaStrip& strip, int64_t y) {
    const int64_t x = strip.x0();
    const int64_t count = strip.count();
    const ChromaStrip::Rows& rows = strip.rows_at(y);
    if (job.luma.type == DType::u8) {
      f_of_cells<uint8_t>(job, x, y, count, w.luma);
    } else {
      f_of_cells<uint16_t>(job, x, y, count, w.luma);
    }
    colours_of_row<kChroma>(rows, count, w);
    chroma_codes_of_row(job, x, y, count, w);
  });
}

}  // namespace

void merge_rgb_rows(const MergeJob& job, int64_t first, int64_t last) {
  switch (job.chroma) {
    case Chroma::bilinear: return rgb_rows<Chroma::bilinear>(job, first, last);
    case Chroma::bicubic: return rgb_rows<Chroma::bicubic>(job, first, last);
    case Chroma::guided: return rgb_rows<Chroma::guided>(job, first, last);
  }
}

void merge_ycc_rows(const MergeJob& job, int64_t first, int64_t last) {
  switch (job.chroma) {
    case Chroma::bilinear: return ycc_rows<Chroma::bilinear>(job, first, last);
    case Chroma::bicubic: return ycc_rows<Chroma::bicubic>(job, first, last);
    case Chroma::guided: return ycc_rows<Chroma::guided>(job, first, last);
  }
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
