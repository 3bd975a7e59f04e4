extension Image {
  /// The centre of the picture, at most `width` x `height` pixels, with sides and corners that
  /// are multiples of `unit`.
  public func centre(width limitX: Int, height limitY: Int, unit: Int = 1) -> Image {
    cropped(to: rect.centre(width: limitX, height: limitY, unit: unit))
  }
}

extension PixelRect {
  /// The centre of a rectangle that begins at 0, at most `width` x `height` pixels, with sides and
  /// corners that are multiples of `unit`.
  public func centre(width limitX: Int, height limitY: Int, unit: Int = 1) -> PixelRect {
    let (w, h) = (min(limitX, width) / unit * unit, min(limitY, height) / unit * unit)
    return PixelRect(
      x: x + (width - w) / 2 / unit * unit, y: y + (height - h) / 2 / unit * unit, width: w,
      height: h)
  }
}
