/* page.c - the page's files, embedded in the program: GET / and /static/NAME. */
#include "private.h"

#include <string.h>

/* SANDBOX_PAGE_DIR is src/sandbox/page, see page.cmake. */
#define EMBED(symbol, file)                                                                        \
    __asm__(".pushsection .rodata\n"                                                               \
            ".global sandbox_page_" #symbol "\n"                                                   \
            ".global sandbox_page_" #symbol "_end\n"                                               \
            "sandbox_page_" #symbol ":\n"                                                          \
            ".incbin \"" SANDBOX_PAGE_DIR "/" file "\"\n"                                          \
            "sandbox_page_" #symbol "_end:\n"                                                      \
            ".byte 0\n"                                                                            \
            ".popsection\n");                                                                      \
    extern const char sandbox_page_##symbol[], sandbox_page_##symbol##_end[]

EMBED(index_html, "index.html");
EMBED(style_css, "style.css");
EMBED(app_js, "app.js");
EMBED(blocks_js, "blocks.js");
EMBED(elements_js, "elements.js");
EMBED(text_js, "text.js");
EMBED(dialogs_js, "dialogs.js");
EMBED(world_js, "world.js");
EMBED(tour_js, "tour.js");
EMBED(icon_svg, "icon.svg");

struct page_file {
    const char *path, *content_type, *start, *end;
};

#define FILE_ROW(path, type, symbol)                                                               \
    { path, type "; charset=utf-8", sandbox_page_##symbol, sandbox_page_##symbol##_end }
static const struct page_file page_files[] = {
    FILE_ROW("/", "text/html", index_html),
    FILE_ROW("/static/style.css", "text/css", style_css),
    FILE_ROW("/static/app.js", "text/javascript", app_js),
    FILE_ROW("/static/blocks.js", "text/javascript", blocks_js),
    FILE_ROW("/static/elements.js", "text/javascript", elements_js),
    FILE_ROW("/static/text.js", "text/javascript", text_js),
    FILE_ROW("/static/dialogs.js", "text/javascript", dialogs_js),
    FILE_ROW("/static/world.js", "text/javascript", world_js),
    FILE_ROW("/static/tour.js", "text/javascript", tour_js),
    FILE_ROW("/static/icon.svg", "image/svg+xml", icon_svg),
    FILE_ROW("/favicon.ico", "image/svg+xml", icon_svg),
};

void sandbox_page_file(struct sandbox_request *req, struct sandbox_reply *reply) {
    for (size_t i = 0; i < FX_COUNT_OF(page_files); i++) {
        const struct page_file *file = &page_files[i];
        if (strcmp(file->path, req->path) != 0)
            continue;
        reply->status = 200;
        reply->content_type = file->content_type;
        reply->body = (struct fx_slice){file->start, (size_t)(file->end - file->start)};
        sandbox_reply_header(reply, "Content-Security-Policy",
                             "default-src 'self'; base-uri 'none'; frame-ancestors 'none'");
        sandbox_reply_header(reply, "X-Content-Type-Options", "nosniff");
        sandbox_reply_header(reply, "Referrer-Policy", "no-referrer");
        sandbox_reply_header(reply, "Cache-Control", "no-cache");
        return;
    }
    sandbox_reply_error(req, reply, 404, "the sandbox has no page %s", req->path);
}
