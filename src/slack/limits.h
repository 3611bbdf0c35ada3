/* limits.h - what Slack accepts in one message or dialog, and how much of it we use.
 *
 * Characters are Unicode code points. Source: Block Kit reference at docs.slack.dev and the
 * comments of the npm package @slack/types 3.2.0; tests/judges/slack_types compares the numbers
 * with that package.
 */
#pragma once

enum {
    /* chat.postMessage takes more text, chat.update refuses it above this */
    SLACK_MAX_TEXT = 4000,
    SLACK_MAX_BLOCKS = 50,
    SLACK_MAX_BLOCK_ID = 255,
    SLACK_MAX_ACTION_ID = 255,
    /* Not documented: msg_blocks_too_long was seen from about 12,000 characters over all blocks */
    SLACK_MAX_MESSAGE = 12000,

    SLACK_MAX_HEADER = 150,
    SLACK_MAX_SECTION = 3000,
    SLACK_MAX_FIELDS = 10,
    SLACK_MAX_FIELD = 2000,
    SLACK_MAX_CONTEXT_ELEMENTS = 10,
    SLACK_MAX_TEXT_OBJECT = 3000,
    SLACK_MAX_ACTIONS = 25,
    SLACK_MAX_IMAGE_URL = 3000,
    SLACK_MAX_ALT_TEXT = 2000,
    SLACK_MAX_IMAGE_TITLE = 2000,
    SLACK_MAX_MARKDOWN = 12000,
    SLACK_MAX_TABLES = 1,
    SLACK_MAX_TABLE_ROWS = 100,
    SLACK_MAX_TABLE_COLUMNS = 20,
    SLACK_MAX_TABLE_CHARACTERS = 10000,

    SLACK_MAX_BUTTON_TEXT = 75,
    SLACK_MAX_BUTTON_VALUE = 2000,
    SLACK_MAX_URL = 3000,
    SLACK_MAX_BUTTON_LABEL = 75,
    SLACK_MAX_CONFIRM_TITLE = 100,
    SLACK_MAX_CONFIRM_TEXT = 300,
    SLACK_MAX_CONFIRM_BUTTON = 30,

    SLACK_MAX_VIEW_TITLE = 24,
    SLACK_MAX_VIEW_METADATA = 3000,
    SLACK_MAX_VIEW_CALLBACK_ID = 255,
    SLACK_MAX_INPUT_LABEL = 2000,
    SLACK_MAX_INPUT_HINT = 2000,
    SLACK_MAX_INPUT_LENGTH = 3000,
};

/* What a drawn message uses. Slack does not say how it counts, so each text stays 5 % below its
 * limit and a whole message well below the limit that is not documented. */
#define SLACK_FIT(limit) ((size_t)(limit) - (size_t)(limit) / 20)

enum {
    SLACK_DRAW_MESSAGE = 9000,
    SLACK_DRAW_BUTTONS = 4000, /* of it, so that no text can crowd out the Approve button */
    SLACK_DRAW_FIELDS = 40,
    SLACK_DRAW_CELL = 400,
    SLACK_DRAW_SHORT = 100, /* below it the word "cut" would cost too much of the text */
    SLACK_DRAW_KEY = 120,
    SLACK_DRAW_BAR = 20,
    SLACK_DRAW_TEXT_ROWS = 5, /* of a table, in the text that is read aloud */
    SLACK_DRAW_TEXT_CODE = 300,
};
