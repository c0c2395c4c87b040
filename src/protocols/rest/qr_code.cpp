#include "protocols/rest/qr_code.h"

#include <png.h>
#include <qrencode.h>

#include <memory>

namespace ferry::rest {

namespace {

constexpr std::size_t scale = 6;   // pixels a module
constexpr std::size_t margin = 4;  // modules of white around it, ISO/IEC 18004 section 9.1

struct FreeCode {
  void operator()(QRcode* code) const { QRcode_free(code); }
};

// One byte a pixel.
Bytes pixels_of(const QRcode& code) {
  const auto modules = static_cast<std::size_t>(code.width);
  const std::size_t side = (modules + 2 * margin) * scale;
  Bytes pixels(side * side, std::byte{0xff});
  for (std::size_t y = margin * scale; y < (margin + modules) * scale; ++y) {
    for (std::size_t x = margin * scale; x < (margin + modules) * scale; ++x) {
      const std::size_t module = (y / scale - margin) * modules + x / scale - margin;
      if ((code.data[module] & 1) != 0) pixels[y * side + x] = std::byte{0};
    }
  }
  return pixels;
}

}  // namespace

Result<Bytes> qr_png(std::string_view text) {
  const std::unique_ptr<QRcode, FreeCode> code(QRcode_encodeData(
      static_cast<int>(text.size()), reinterpret_cast<const unsigned char*>(text.data()), 0, QR_ECLEVEL_M));
  if (!code) return fail(ErrorCode::invalid_argument, "the text does not fit a QR code");
  const Bytes pixels = pixels_of(*code);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = static_cast<png_uint_32>((static_cast<std::size_t>(code->width) + 2 * margin) * scale);
  image.format = PNG_FORMAT_GRAY;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  Bytes png(size);
  const int written = png_image_write_to_memory(&image, png.data(), &size, 0, pixels.data(), 0, nullptr);
  png_image_free(&image);
  if (written == 0) return fail(ErrorCode::internal, std::string("libpng: ") + image.message);
  png.resize(size);
  return png;
}

}  // namespace ferry::rest
