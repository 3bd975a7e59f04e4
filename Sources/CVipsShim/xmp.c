// XMP packets (ISO 16684-1) through libxml2.

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlsave.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static const char rdf[] = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

static void start(void) { xmlInitParser(); }

static xmlDoc *parse(cvips_blob packet) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start);
  // Writers pad packets with spaces, some with zeros.
  size_t count = packet.count;
  const char *bytes = packet.bytes;
  while (count > 0 && bytes[count - 1] == 0) count--;
  if (count == 0 || count > INT32_MAX) return NULL;
  xmlDoc *document = xmlReadMemory(
    bytes, (int)count, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
  // A document type could define entities; valid packets have none.
  if (document && document->intSubset) {
    xmlFreeDoc(document);
    return NULL;
  }
  return document;
}

static bool is(const xmlNs *ns, const xmlChar *name, const char *uri, const char *wanted) {
  // In any namespace: a part of the name.
  if (!uri) return xmlStrcasestr(name, (const xmlChar *)wanted) != NULL;
  return ns && ns->href && strcmp((const char *)ns->href, uri) == 0 &&
         (!wanted || strcmp((const char *)name, wanted) == 0);
}

/// The new text of a numeric property, set or scaled.
static void change(const cvips_xmp_edit *edit, const xmlChar *old, char text[32]) {
  double value = edit->number;
  if (edit->kind == CVIPS_XMP_SCALE) value = strtod((const char *)old, NULL) * edit->number;
  snprintf(text, 32, "%.0f", value);
}

static void edit_attributes(xmlNode *node, cvips_xmp_edit *edits, int32_t count) {
  for (xmlAttr *a = node->properties, *next; a; a = next) {
    next = a->next;
    for (int32_t i = 0; i < count; i++) {
      if (!is(a->ns, a->name, edits[i].uri, edits[i].name)) continue;
      edits[i].found++;
      if (edits[i].kind == CVIPS_XMP_REMOVE) {
        xmlRemoveProp(a);
      } else if (edits[i].kind != CVIPS_XMP_FIND) {
        char text[32];
        xmlChar *old = xmlNodeListGetString(node->doc, a->children, 1);
        if (old) change(&edits[i], old, text);
        if (old) xmlSetNsProp(node, a->ns, a->name, (const xmlChar *)text);
        xmlFree(old);
      }
      break;
    }
  }
}

/// Returns whether the node was removed.
static bool edit_element(xmlNode *node, cvips_xmp_edit *edits, int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    if (!is(node->ns, node->name, edits[i].uri, edits[i].name)) continue;
    edits[i].found++;
    if (edits[i].kind == CVIPS_XMP_REMOVE) {
      xmlUnlinkNode(node);
      xmlFreeNode(node);
      return true;
    }
    if (edits[i].kind != CVIPS_XMP_FIND && !xmlFirstElementChild(node)) {
      char text[32];
      xmlChar *old = xmlNodeGetContent(node);
      if (old) change(&edits[i], old, text);
      if (old) xmlNodeSetContent(node, (const xmlChar *)text);
      xmlFree(old);
    }
    break;
  }
  return false;
}

static void edit_tree(xmlNode *node, cvips_xmp_edit *edits, int32_t count, int depth) {
  for (xmlNode *next; node; node = next) {
    next = node->next;
    if (node->type != XML_ELEMENT_NODE || edit_element(node, edits, count)) continue;
    edit_attributes(node, edits, count);
    if (depth < 64) edit_tree(node->children, edits, count, depth + 1);
  }
}

static xmlNode *find_rdf(xmlNode *node, int depth) {
  for (; node; node = node->next) {
    if (node->type != XML_ELEMENT_NODE) continue;
    if (is(node->ns, node->name, rdf, "RDF")) return node;
    xmlNode *below = depth < 4 ? find_rdf(node->children, depth + 1) : NULL;
    if (below) return below;
  }
  return NULL;
}

/// Copies the descriptions of another packet into the document.
static bool merge(xmlDoc *document, cvips_blob other) {
  xmlDoc *added = parse(other);
  xmlNode *to = find_rdf(xmlDocGetRootElement(document), 0);
  xmlNode *from = added ? find_rdf(xmlDocGetRootElement(added), 0) : NULL;
  bool done = to && from;
  for (xmlNode *n = done ? from->children : NULL; n && done; n = n->next) {
    if (n->type != XML_ELEMENT_NODE) continue;
    xmlNode *copy = xmlDocCopyNode(n, document, 1);
    done = copy && xmlAddChild(to, copy) && xmlReconciliateNs(document, copy) >= 0;
  }
  if (added) xmlFreeDoc(added);
  return done;
}

int cvips_edit_xmp(
    cvips_blob packet, cvips_blob extension, cvips_xmp_edit *edits, int32_t count,
    cvips_blob *edited, char **error) {
  xmlDoc *document = parse(packet);
  if (!document) return cvips_fail_with(error, "the packet is not XML");
  int status = -1;
  if (extension.count > 0 && !merge(document, extension)) {
    cvips_fail_with(error, "its second part is damaged");
  } else {
    edit_tree(xmlDocGetRootElement(document), edits, count, 0);
    xmlBuffer *buffer = xmlBufferCreate();
    xmlSaveCtxt *out = buffer ? xmlSaveToBuffer(buffer, "UTF-8", XML_SAVE_NO_DECL) : NULL;
    if (out) {
      xmlSaveDoc(out, document);
      xmlSaveClose(out);
      size_t length = (size_t)xmlBufferLength(buffer);
      char *bytes = malloc(length + 1);
      if (bytes) {
        memcpy(bytes, xmlBufferContent(buffer), length);
        *edited = (cvips_blob){bytes, length};
        status = 0;
      }
    }
    if (buffer) xmlBufferFree(buffer);
    if (status != 0) cvips_fail_with(error, "no memory for the packet");
  }
  xmlFreeDoc(document);
  return status;
}
