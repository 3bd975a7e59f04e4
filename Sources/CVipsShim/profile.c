// ICC profiles through Little CMS: created from primaries and curves, and repaired.

#include <lcms2.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static int save(cmsHPROFILE profile, cvips_blob *out, char **error) {
  cmsUInt32Number count = 0;
  if (!cmsSaveProfileToMem(profile, NULL, &count) || count < 128)
    return cvips_fail_with(error, "Little CMS cannot write the profile");
  unsigned char *bytes = malloc(count);
  if (!bytes || !cmsSaveProfileToMem(profile, bytes, &count)) {
    free(bytes);
    return cvips_fail_with(error, "Little CMS cannot write the profile");
  }
  *out = (cvips_blob){bytes, count};
  return 0;
}

static cmsToneCurve *curve(const cvips_colours *c) {
  return c->table_count > 0 ? cmsBuildTabulatedToneCurveFloat(NULL, (cmsUInt32Number)c->table_count,
                                                              c->table)
                            : cmsBuildParametricToneCurve(NULL, 4, c->parameters);
}

static void describe(cmsHPROFILE profile, const char *name) {
  static const cmsTagSignature tags[] = {cmsSigProfileDescriptionTag, cmsSigCopyrightTag};
  const char *texts[] = {name, "CC0"};
  for (int i = 0; i < 2; i++) {
    cmsMLU *text = cmsMLUalloc(NULL, 1);
    cmsMLUsetASCII(text, "en", "US", texts[i]);
    cmsWriteTag(profile, tags[i], text);
    cmsMLUfree(text);
  }
}

int cvips_make_profile(const cvips_colours *c, cvips_blob *profile, char **error) {
  cmsToneCurve *tone = curve(c);
  cmsCIExyY white = {c->white[0], c->white[1], 1};
  cmsCIExyYTRIPLE primaries = {
    {c->red[0], c->red[1], 1}, {c->green[0], c->green[1], 1}, {c->blue[0], c->blue[1], 1}};
  cmsToneCurve *tones[3] = {tone, tone, tone};
  cmsHPROFILE made = !tone     ? NULL
                     : c->grey ? cmsCreateGrayProfile(&white, tone)
                               : cmsCreateRGBProfile(&white, &primaries, tones);
  if (tone) cmsFreeToneCurve(tone);
  if (!made) return cvips_fail_with(error, "no profile can be made of its primaries");
  describe(made, c->name);
#if LCMS_VERSION >= 2140
  if (c->cicp.known) {
    cmsVideoSignalType signal = {c->cicp.primaries, c->cicp.transfer, 0, 1};
    cmsSetProfileVersion(made, 4.4);
    cmsWriteTag(made, cmsSigcicpTag, &signal);
  }
#endif
  int status = save(made, profile, error);
  cmsCloseProfile(made);
  // A current date would make the output differ from day to day.
  static const unsigned char date[12] = {7, 232, 0, 1, 0, 1};
  if (status == 0) memcpy((unsigned char *)profile->bytes + 24, date, sizeof date);
  return status;
}

static cmsHPROFILE attached(VipsImage *image) {
  const void *bytes = NULL;
  size_t count = 0;
  if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) == 0 ||
      vips_image_get_blob(image, VIPS_META_ICC_NAME, &bytes, &count) != 0 || count > UINT32_MAX)
    return NULL;
  return cmsOpenProfileFromMem(bytes, (cmsUInt32Number)count);
}

VipsIntent cvips_input_intent(VipsImage *image) {
  cmsHPROFILE profile = attached(image);
  bool has_relative =
    !profile || cmsIsIntentSupported(profile, INTENT_RELATIVE_COLORIMETRIC, LCMS_USED_AS_INPUT);
  if (profile) cmsCloseProfile(profile);
  return has_relative ? VIPS_INTENT_RELATIVE : VIPS_INTENT_PERCEPTUAL;
}

static cmsUInt32Number layout(VipsImage *image) {
  bool grey = image->Bands < 3;
  return COLORSPACE_SH(grey ? PT_GRAY : PT_RGB) | CHANNELS_SH(grey ? 1 : 3) |
         EXTRA_SH(image->Bands % 2 == 0 ? 1 : 0) |
         BYTES_SH(image->BandFmt == VIPS_FORMAT_UCHAR ? 1 : 2);
}

bool cvips_convert_profile(VipsImage *from, VipsImage *to) {
  cmsHPROFILE profiles[2] = {attached(from), attached(to)};
  // Without optimisation, which would replace the computation by tables.
  cmsUInt32Number flags = cmsFLAGS_NOOPTIMIZE | cmsFLAGS_NOCACHE | cmsFLAGS_COPY_ALPHA;
  cmsHTRANSFORM transform =
    profiles[0] && profiles[1]
      ? cmsCreateTransform(profiles[0], layout(from), profiles[1], layout(to),
                           INTENT_RELATIVE_COLORIMETRIC, flags)
      : NULL;
  for (int i = 0; i < 2; i++)
    if (profiles[i]) cmsCloseProfile(profiles[i]);
  if (!transform) return false;
  for (int y = 0; y < from->Ysize; y++)
    cmsDoTransform(transform, VIPS_IMAGE_ADDR(from, 0, y), VIPS_IMAGE_ADDR(to, 0, y),
                   (cmsUInt32Number)from->Xsize);
  cmsDeleteTransform(transform);
  return true;
}

int cvips_mend_profile(cvips_blob profile, cvips_blob *mended, char **error) {
  cmsHPROFILE opened = profile.count > UINT32_MAX
                         ? NULL
                         : cmsOpenProfileFromMem(profile.bytes, (cmsUInt32Number)profile.count);
  if (!opened) return cvips_fail_with(error, "it is damaged");
  cmsSetHeaderRenderingIntent(opened, cmsGetHeaderRenderingIntent(opened) & 3);
  int status = save(opened, mended, error);
  cmsCloseProfile(opened);
  return status;
}

/// A transform between sRGB and a profile's colours. NULL if the profile is damaged, or has tables
/// for the other direction only.
static cmsHTRANSFORM make_transform(cvips_blob profile, bool grey, bool from_srgb) {
  cmsHPROFILE own = profile.count > UINT32_MAX
                      ? NULL
                      : cmsOpenProfileFromMem(profile.bytes, (cmsUInt32Number)profile.count);
  cmsHPROFILE srgb = own ? cmsCreate_sRGBProfile() : NULL;
  cmsUInt32Number type = grey ? TYPE_GRAY_DBL : TYPE_RGB_DBL;
  cmsUInt32Number intent = from_srgb ? INTENT_RELATIVE_COLORIMETRIC : INTENT_PERCEPTUAL;
  cmsHTRANSFORM transform = !srgb ? NULL
                            : from_srgb
                              ? cmsCreateTransform(srgb, TYPE_RGB_DBL, own, type, intent, 0)
                              : cmsCreateTransform(own, type, srgb, TYPE_RGB_DBL, intent, 0);
  if (srgb) cmsCloseProfile(srgb);
  if (own) cmsCloseProfile(own);
  return transform;
}

bool cvips_is_usable_profile(cvips_blob profile, bool grey) {
  cmsHTRANSFORM transform = make_transform(profile, grey, false);
  if (transform) cmsDeleteTransform(transform);
  return transform != NULL;
}

void cvips_convert_srgb(cvips_blob profile, bool grey, double *colour) {
  cmsHTRANSFORM transform = make_transform(profile, grey, true);
  if (!transform) return;
  double result[3] = {0, 0, 0};
  cmsDoTransform(transform, colour, result, 1);
  for (int i = 0; i < 3; i++) colour[i] = result[grey ? 0 : i];
  cmsDeleteTransform(transform);
}
