#include "web_app.h"

static const unsigned char index_html[] = {
#embed "app/index.html"
};

static const unsigned char openapi_json[] = {
#embed "app/openapi.json"
};

static const cwebapp_file files[] = {
  {"index.html", "text/html; charset=utf-8", index_html, sizeof index_html},
  {"openapi.json", "application/json", openapi_json, sizeof openapi_json},
};

size_t cwebapp_count(void) { return sizeof files / sizeof *files; }
const cwebapp_file *cwebapp_at(size_t index) { return &files[index]; }
