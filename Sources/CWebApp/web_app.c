#include "web_app.h"

// #embed is C23; it is known to every compiler that comes with Swift 6.2 or later. SwiftPM's
// .embedInCode was tried: compiling the array literal of openapi.json alone takes 40 s.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char actions_js[] = {
#embed "app/actions.js"
};
static const unsigned char announce_js[] = {
#embed "app/announce.js"
};
static const unsigned char api_js[] = {
#embed "app/api.js"
};
static const unsigned char app_css[] = {
#embed "app/app.css"
};
static const unsigned char app_js[] = {
#embed "app/app.js"
};
static const unsigned char base_css[] = {
#embed "app/base.css"
};
static const unsigned char cards_js[] = {
#embed "app/cards.js"
};
static const unsigned char choosers_js[] = {
#embed "app/choosers.js"
};
static const unsigned char comparison_js[] = {
#embed "app/comparison.js"
};
static const unsigned char dialogs_js[] = {
#embed "app/dialogs.js"
};
static const unsigned char dom_js[] = {
#embed "app/dom.js"
};
static const unsigned char events_js[] = {
#embed "app/events.js"
};
static const unsigned char gestures_js[] = {
#embed "app/gestures.js"
};
static const unsigned char history_js[] = {
#embed "app/history.js"
};
static const unsigned char icon_svg[] = {
#embed "app/icon.svg"
};
static const unsigned char icons_js[] = {
#embed "app/icons.js"
};
static const unsigned char index_html[] = {
#embed "app/index.html"
};
static const unsigned char intake_js[] = {
#embed "app/intake.js"
};
static const unsigned char live_image_js[] = {
#embed "app/live-image.js"
};
static const unsigned char manifest_webmanifest[] = {
#embed "app/manifest.webmanifest"
};
static const unsigned char openapi_json[] = {
#embed "app/openapi.json"
};
static const unsigned char part_js[] = {
#embed "app/part.js"
};
static const unsigned char pictures_js[] = {
#embed "app/pictures.js"
};
static const unsigned char settings_js[] = {
#embed "app/settings.js"
};
static const unsigned char size_field_js[] = {
#embed "app/size-field.js"
};
static const unsigned char sizes_js[] = {
#embed "app/sizes.js"
};
static const unsigned char stage_js[] = {
#embed "app/stage.js"
};
static const unsigned char store_js[] = {
#embed "app/store.js"
};
static const unsigned char theme_js[] = {
#embed "app/theme.js"
};
static const unsigned char uploads_js[] = {
#embed "app/uploads.js"
};
static const unsigned char versions_js[] = {
#embed "app/versions.js"
};
static const unsigned char viewer_css[] = {
#embed "app/viewer.css"
};
static const unsigned char viewer_js[] = {
#embed "app/viewer.js"
};
static const unsigned char words_js[] = {
#embed "app/words.js"
};

#define FILE_OF(name, media_type, bytes) {name, media_type, bytes, sizeof bytes}

static const cwebapp_file files[] = {
  FILE_OF("actions.js", "text/javascript; charset=utf-8", actions_js),
  FILE_OF("announce.js", "text/javascript; charset=utf-8", announce_js),
  FILE_OF("api.js", "text/javascript; charset=utf-8", api_js),
  FILE_OF("app.css", "text/css; charset=utf-8", app_css),
  FILE_OF("app.js", "text/javascript; charset=utf-8", app_js),
  FILE_OF("base.css", "text/css; charset=utf-8", base_css),
  FILE_OF("cards.js", "text/javascript; charset=utf-8", cards_js),
  FILE_OF("choosers.js", "text/javascript; charset=utf-8", choosers_js),
  FILE_OF("comparison.js", "text/javascript; charset=utf-8", comparison_js),
  FILE_OF("dialogs.js", "text/javascript; charset=utf-8", dialogs_js),
  FILE_OF("dom.js", "text/javascript; charset=utf-8", dom_js),
  FILE_OF("events.js", "text/javascript; charset=utf-8", events_js),
  FILE_OF("gestures.js", "text/javascript; charset=utf-8", gestures_js),
  FILE_OF("history.js", "text/javascript; charset=utf-8", history_js),
  FILE_OF("icon.svg", "image/svg+xml", icon_svg),
  FILE_OF("icons.js", "text/javascript; charset=utf-8", icons_js),
  FILE_OF("index.html", "text/html; charset=utf-8", index_html),
  FILE_OF("intake.js", "text/javascript; charset=utf-8", intake_js),
  FILE_OF("live-image.js", "text/javascript; charset=utf-8", live_image_js),
  FILE_OF("manifest.webmanifest", "application/manifest+json", manifest_webmanifest),
  FILE_OF("openapi.json", "application/json", openapi_json),
  FILE_OF("part.js", "text/javascript; charset=utf-8", part_js),
  FILE_OF("pictures.js", "text/javascript; charset=utf-8", pictures_js),
  FILE_OF("settings.js", "text/javascript; charset=utf-8", settings_js),
  FILE_OF("size-field.js", "text/javascript; charset=utf-8", size_field_js),
  FILE_OF("sizes.js", "text/javascript; charset=utf-8", sizes_js),
  FILE_OF("stage.js", "text/javascript; charset=utf-8", stage_js),
  FILE_OF("store.js", "text/javascript; charset=utf-8", store_js),
  FILE_OF("theme.js", "text/javascript; charset=utf-8", theme_js),
  FILE_OF("uploads.js", "text/javascript; charset=utf-8", uploads_js),
  FILE_OF("versions.js", "text/javascript; charset=utf-8", versions_js),
  FILE_OF("viewer.css", "text/css; charset=utf-8", viewer_css),
  FILE_OF("viewer.js", "text/javascript; charset=utf-8", viewer_js),
  FILE_OF("words.js", "text/javascript; charset=utf-8", words_js),
};

size_t cwebapp_count(void) { return sizeof files / sizeof *files; }
const cwebapp_file *cwebapp_at(size_t index) { return &files[index]; }
