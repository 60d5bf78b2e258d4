// libedit's variadic calls, typed one by one, because Swift imports no variadic C function; and the C library's
// character widths, which Swift's Glibc does not show.
#pragma once
#include <histedit.h>
#include <stdint.h>
#include <stdio.h>
#include <wchar.h>
#include <wctype.h>

/// An editor for the terminal on standard input and output, or null where there is no memory. It draws nothing; what it
/// would draw goes to `drawing`.
static inline EditLine *editline_init(const char *program, FILE *drawing) {
  return el_init_fd(program, stdin, drawing, drawing, 0, 1, 2);
}

static inline void editline_set_client_data(EditLine *el, void *data) { el_set(el, EL_CLIENTDATA, data); }

static inline void *editline_client_data(EditLine *el) {
  void *data = NULL;
  el_get(el, EL_CLIENTDATA, &data);
  return data;
}

static inline void editline_set_reader(EditLine *el, int (*reader)(EditLine *, wchar_t *)) {
  el_set(el, EL_GETCFN, reader);
}

/// `emacs` or `vi`.
static inline void editline_set_editor(EditLine *el, const char *editor) { el_set(el, EL_EDITOR, editor); }

static inline void editline_set_history(EditLine *el, History *entries) { el_set(el, EL_HIST, history, entries); }

/// Turns off, in one of libedit's two sets of terminal modes (`-d` editing, `-x` between two lines), all by which the
/// kernel would itself act on keys: line discipline, echo, signals, and Ctrl-S, which would stop the terminal and with it
/// whoever writes on it, so that not even a signal could end the client.
static inline void editline_take_keys(EditLine *el, const char *modes) {
  el_set(el, EL_SETTY, modes, "-icanon", "-echo", "-isig", "-iexten", "-ixon", NULL);
}

/// Without editing, libedit leaves the terminal's modes alone.
static inline void editline_disable(EditLine *el) { el_set(el, EL_EDITMODE, 0); }

/// Whether it edits at all: `~/.editrc` may say no, and so does the terminal within Emacs.
static inline int editline_is_enabled(EditLine *el) {
  int enabled = 0;
  el_get(el, EL_EDITMODE, &enabled);
  return enabled;
}

/// Whether the terminal's description has the command `name`.
static inline int editline_terminal_can(EditLine *el, const char *name) {
  char *command = NULL;
  return el_get(el, EL_GETTC, name, &command, NULL) == 0 && command != NULL && *command != '\0';
}

/// Inserts `text` before the cursor.
static inline void editline_insert(EditLine *el, const char *text) { el_insertstr(el, text); }

/// Moves the cursor by so many characters.
static inline void editline_move(EditLine *el, int characters) { el_cursor(el, characters); }

/// Binds, in vi's command mode too, as `bind -a` does.
static inline void editline_bind_key(EditLine *el, int in_command_mode, const char *key, const char *command) {
  if (in_command_mode) {
    el_set(el, EL_BIND, "-a", key, command, NULL);
  } else {
    el_set(el, EL_BIND, key, command, NULL);
  }
}

/// Adds a command.
static inline void editline_add(EditLine *el, const char *command, unsigned char (*action)(EditLine *, int)) {
  el_set(el, EL_ADDFN, command, command, action);
}

/// Whether its keys are vi's.
static inline int editline_is_vi(EditLine *el) {
  const char *editor = NULL;
  el_get(el, EL_EDITOR, &editor);
  return editor != NULL && editor[0] == 'v';
}

static inline void editline_history_limit(History *entries, int count) {
  HistEvent event;
  history(entries, &event, H_SETSIZE, count);
  history(entries, &event, H_SETUNIQUE, 1);
}

static inline void editline_history_add(History *entries, const char *line) {
  HistEvent event;
  history(entries, &event, H_ENTER, line);
}

/// Columns that the C library gives a code point; -1 for one that is not printed.
static inline int editline_wcwidth(uint32_t code) { return wcwidth((wchar_t)code); }

static inline int editline_is_printed(uint32_t code) { return iswprint((wint_t)code); }
