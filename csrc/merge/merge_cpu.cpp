#include "lab/store_rgb.h"
#include "merge/merge_rows.h"
#include "prepare/prepare_math.h"

namespace fastcolor {
namespace FC_LEVEL {
namespace {

// What a strip of one row works on.
struct Work {
  alignas(64) float f[kBlock];  // of the luma
  alignas(64) float a[kBlock];
  alignas(64) float b[kBlock];
  alignas(64) float y[kBlock];
  alignas(64) Plane rgb[3];  // linear, then perhaps encoded
};

// a and b of the strip; for guided chroma f must be there.
void chroma_of_row(const ChromaStrip::Rows& rows, Chroma chroma, int64_t count,
                   Work& __restrict__ w) {
  if (chroma == Chroma::bilinear) {
    for (int64_t i = 0; i < count; ++i) {
      w.a[i] = linear_sum(rows.part, rows.linear[0][0][i], rows.linear[0][1][i]);
      w.b[i] = linear_sum(rows.part, rows.linear[1][0][i], rows.linear[1][1][i]);
    }
    return;
  }
  const Cubic weights = rows.weights;
  const float part = rows.part;
  const auto cubic = [&](int plane, float* __restrict__ out) {
    const float* __restrict__ p0 = rows.cubic[plane][0];
    const float* __restrict__ p1 = rows.cubic[plane][1];
    const float* __restrict__ p2 = rows.cubic[plane][2];
    const float* __restrict__ p3 = rows.cubic[plane][3];
    for (int64_t i = 0; i < count; ++i) out[i] = cubic_sum(weights, p0[i], p1[i], p2[i], p3[i]);
  };
  cubic(0, w.a);
  cubic(1, w.b);
  if (chroma == Chroma::bicubic) return;
  cubic(2, w.y);
  const auto add_detail = [&](int plane, float* __restrict__ out) {
    const float* __restrict__ low = rows.linear[plane][0];
    const float* __restrict__ high = rows.linear[plane][1];
    for (int64_t i = 0; i < count; ++i) {
      const float detail = f_to_lightness(w.f[i]) - w.y[i];
      out[i] = out[i] + linear_sum(part, low[i], high[i]) * detail;
    }
  };
  add_detail(2, w.a);
  add_detail(3, w.b);
}

// From f, a, b to linear red, green, blue inside the gamut.
void rgb_of_row(int64_t count, Work& __restrict__ w) {
  uint32_t outside = 0;
  for (int64_t i = 0; i < count; ++i) {
    const Tint t = tint_of(w.f[i], w.a[i], w.b[i]);
    w.y[i] = t.y;
    w.rgb[0][i] = t.r;
    w.rgb[1][i] = t.g;
    w.rgb[2][i] = t.b;
    outside |= outside_gamut(t);
  }
  if (outside != 0) {
    for (int64_t i = 0; i < count; ++i) {
      const float factor = gamut_factor({w.y[i], w.rgb[0][i], w.rgb[1][i], w.rgb[2][i]});
      for (auto& plane : w.rgb) plane[i] = towards_grey(plane[i], w.y[i], factor);
    }
  }
}

// Scalar on purpose: two table loads a cycle, where a vector gather takes several for each element.
__attribute__((noinline, optimize("no-tree-vectorize"))) void look_up(const ImageView& luma,
                                                                      int64_t x, int64_t y,
                                                                      int64_t count,
                                                                      const float* table,
                                                                      float* __restrict__ f) {
  if (luma.contiguous_rows()) {
    const auto* codes = reinterpret_cast<const uint8_t*>(luma.at(x, y));
    for (int64_t i = 0; i < count; ++i) f[i] = table[codes[i]];
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    f[i] = table[*reinterpret_cast<const uint8_t*>(luma.at(x + i, y))];
}

// f of codes, each multiplied by `share` first; as grey_to_f has it.
void to_f(const MergeJob& job, float share, int64_t count, float* __restrict__ f) {
  for (int64_t i = 0; i < count; ++i) {
    f[i] = clamp01(code_to_grey(f[i] * share, job.black, job.code_step));
  }
  apply_curve(kDecodeCurve, count, f);
  apply_curve(kLabCurve, count, f);
}

void luma_of_row(const MergeJob& job, const float* u8_to_f, int64_t x, int64_t y, int64_t count,
                 float* __restrict__ f) {
  if (job.luma.type == DType::u8) return look_up(job.luma, x, y, count, u8_to_f, f);
  for (int64_t i = 0; i < count; ++i)
    f[i] = static_cast<float>(*reinterpret_cast<const uint16_t*>(job.luma.at(x + i, y)));
  to_f(job, 1.0f, count, f);
}

// f of the mean luma under each chroma sample. Samples beyond the border repeat it.
template <typename T>
void luma_of_cells(const MergeJob& job, int64_t x0, int64_t y, int64_t count,
                   float* __restrict__ f) {
  const ImageView& luma = job.luma;
  for (int64_t i = 0; i < count; ++i) f[i] = 0.0f;
  for (int64_t row = y * job.step_y; row < (y + 1) * job.step_y; ++row) {
    const int64_t source_y = clamp_index(row, luma.height);
    const int64_t whole = (luma.width - x0 * job.step_x) / job.step_x;
    const int64_t dense = luma.contiguous_rows() ? (whole < count ? whole : count) : 0;
    const T* samples = reinterpret_cast<const T*>(luma.at(x0 * job.step_x, source_y));
    if (job.step_x == 2) {
      for (int64_t i = 0; i < dense; ++i) {
        f[i] += static_cast<float>(static_cast<int32_t>(samples[2 * i]) + samples[2 * i + 1]);
      }
    } else {
      for (int64_t i = 0; i < dense; ++i) f[i] += static_cast<float>(samples[i]);
    }
    for (int64_t i = dense; i < count; ++i) {
      for (int64_t x = (x0 + i) * job.step_x; x < (x0 + i + 1) * job.step_x; ++x) {
        f[i] += static_cast<float>(
            *reinterpret_cast<const T*>(luma.at(clamp_index(x, luma.width), source_y)));
      }
    }
  }
  to_f(job, 1.0f / static_cast<float>(job.step_x * job.step_y), count, f);
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

}  // namespace

void merge_rgb_rows(const MergeJob& job, const float* u8_to_f, int64_t first, int64_t last) {
  Work w{};
  ChromaStrip::Rows rows;
  for_each_strip(job, first, last, [&](ChromaStrip& strip, int64_t y) {
    const int64_t x = strip.x0();
    const int64_t count = strip.count();
    strip.rows_at(y, rows);
    luma_of_row(job, u8_to_f, x, y, count, w.f);
    chroma_of_row(rows, job.chroma, count, w);
    rgb_of_row(count, w);
    if (job.rgb.type == DType::u8) {
      encode_rgb_u8(job.rgb, x, y, count, w.rgb);
    } else {
      for (auto& plane : w.rgb) apply_curve(kEncodeCurve, count, plane);
      store_block<uint16_t>(job.rgb, x, y, count, w.rgb, EncodeU16{});
    }
  });
}

void merge_ycc_rows(const MergeJob& job, int64_t first, int64_t last) {
  Work w{};
  ChromaStrip::Rows rows;
  for_each_strip(job, first, last, [&](ChromaStrip& strip, int64_t y) {
    const int64_t x = strip.x0();
    const int64_t count = strip.count();
    strip.rows_at(y, rows);
    if (job.luma.type == DType::u8) {
      luma_of_cells<uint8_t>(job, x, y, count, w.f);
    } else {
      luma_of_cells<uint16_t>(job, x, y, count, w.f);
    }
    chroma_of_row(rows, job.chroma, count, w);
    rgb_of_row(count, w);
    for (auto& plane : w.rgb) apply_curve(kEncodeCurve, count, plane);
    for (int64_t i = 0; i < count; ++i) {
      const CbCr codes = encode_chroma({w.rgb[0][i], w.rgb[1][i], w.rgb[2][i]}, job.code);
      w.a[i] = codes.cb;
      w.b[i] = codes.cr;
    }
    if (job.cb.type == DType::u8) {
      store_codes<uint8_t>(job.cb, x, y, count, w.a);
      store_codes<uint8_t>(job.cr, x, y, count, w.b);
    } else {
      store_codes<uint16_t>(job.cb, x, y, count, w.a);
      store_codes<uint16_t>(job.cr, x, y, count, w.b);
    }
  });
}

}  // namespace FC_LEVEL
}  // namespace fastcolor
