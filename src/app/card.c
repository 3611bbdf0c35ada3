/* card.c - a card as lines of text, for a terminal. */
#include "private.h"

#include <stdio.h>
#include <string.h>

static void put_text(const struct fx_json *text) {
    const char *link = fx_json_get_text(text, "link");

    if (fx_json_text(text) != NULL)
        fputs(fx_json_text(text), stdout);
    else if (fx_json_type(text) == FX_JSON_ARRAY)
        for (size_t i = 0; i < fx_json_count(text); i++)
            put_text(fx_json_item(text, i));
    else if (fx_json_at(text, "time") != NULL) {
        FX_CLEANUP(fx_scope_free_p) struct fx_scope *sc = fx_scope_new(NULL);

        fputs(fx_time_iso(sc, fx_json_get_int(text, "time", 0)), stdout);
    } else if (link != NULL)
        printf("%s <%s>", fx_json_get_text(text, "text"), link);
    else if (fx_json_get_text(text, "user") != NULL)
        fputs(fx_json_get_text(text, "user"), stdout);
    else if (fx_json_get_text(text, "bold") != NULL)
        fputs(fx_json_get_text(text, "bold"), stdout);
    else if (fx_json_get_text(text, "code") != NULL)
        fputs(fx_json_get_text(text, "code"), stdout);
}

static void put_line(const char *before, const struct fx_json *text) {
    if (text == NULL)
        return;
    fputs(before, stdout);
    put_text(text);
    putchar('\n');
}

static void put_row(const struct fx_json *cells) {
    for (size_t i = 0; i < fx_json_count(cells); i++) {
        fputs(i == 0 ? "  " : " | ", stdout);
        put_text(fx_json_item(cells, i));
    }
    putchar('\n');
}

void app_print_card(const struct fx_json *card) {
    const struct fx_json *fields = fx_json_at(card, "fields"), *table = fx_json_at(card, "table");
    const struct fx_json *rows = fx_json_at(table, "rows"), *lines = fx_json_at(card, "lines");
    const struct fx_json *list = fx_json_at(card, "list");

    put_line("", fx_json_at(card, "title"));
    put_line("", fx_json_at(card, "verdict"));
    for (size_t i = 0; i < fx_json_count(lines); i++)
        put_line("", fx_json_item(lines, i));
    for (size_t i = 0; i < fx_json_count(fields); i++) {
        const struct fx_json *field = fx_json_item(fields, i);

        printf("%s: ", fx_json_get_text(field, "name"));
        put_line("", fx_json_at(field, "value"));
    }
    for (size_t i = 0; i < fx_json_count(list); i++)
        put_line("- ", fx_json_item(list, i));
    if (table != NULL)
        put_row(fx_json_at(table, "columns"));
    for (size_t i = 0; i < fx_json_count(rows); i++)
        put_row(fx_json_item(rows, i));
    put_line("", fx_json_at(card, "code"));
    put_line("", fx_json_at(card, "context"));
}
