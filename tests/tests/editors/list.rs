//! Editors that take a script: vim, neovim and emacs. Each edits and saves three times, waits for
//! what the binding does, and writes down what its list holds.

use std::fs;
use std::path::Path;
use std::process::Command;

use hotdev_tests::{Session, Workspace, run_to_end};

/// What the editor saw after each save, one entry a line.
const SEEN: &str = "seen.txt";

/// Replaces the greeting, makes a mistake, mends it.
const VIM: &str = r#"
let s:seen = []

function! s:Until(what, done) abort
  for l:round in range(1500)
    if a:done()
      return
    endif
    sleep 20m
  endfor
  call writefile(s:seen + ['no ' . a:what, execute('messages')], 'seen.txt')
  cquit
endfunction

function! s:Save(old, new) abort
  execute '%s/' . a:old . '/' . a:new . '/'
  silent write
endfunction

call s:Save('old greeting', 'new greeting')
call s:Until('live', {-> execute('messages') =~# 'hotdev: live 1'})
call add(s:seen, len(getqflist()) . ' entries')
call s:Save('number \* 2', 'number * "two"')
call s:Until('error', {-> !empty(getqflist())})
for s:entry in getqflist()
  call add(s:seen, printf('%s:%d:%d %s %s', fnamemodify(bufname(s:entry.bufnr), ':t'), s:entry.lnum, s:entry.col, s:entry.type, s:entry.text))
endfor
cfirst
call add(s:seen, 'jumped to line ' . line('.'))
call s:Save('number \* "two"', 'number * 3')
call s:Until('mended', {-> empty(getqflist())})
call writefile(s:seen, 'seen.txt')
qall!
"#;

const LUA: &str = r#"
local seen = {}

local function finish(code)
  vim.fn.writefile(seen, 'seen.txt')
  vim.cmd(code == 0 and 'qall!' or 'cquit')
end

local function wait_until(what, done)
  if not vim.wait(30000, done, 20) then
    table.insert(seen, 'no ' .. what)
    table.insert(seen, vim.fn.execute('messages'))
    finish(1)
  end
end

local function save(old, new)
  vim.cmd('%s/' .. old .. '/' .. new .. '/')
  vim.cmd('silent write')
end

save('old greeting', 'new greeting')
wait_until('live', function() return vim.fn.execute('messages'):find('hotdev: live 1') end)
table.insert(seen, #vim.fn.getqflist() .. ' entries')
save('number \\* 2', 'number * "two"')
wait_until('error', function() return #vim.fn.getqflist() > 0 end)
for _, entry in ipairs(vim.fn.getqflist()) do
  local name = vim.fn.fnamemodify(vim.fn.bufname(entry.bufnr), ':t')
  table.insert(seen, ('%s:%d:%d %s %s'):format(name, entry.lnum, entry.col, entry.type, entry.text))
end
vim.cmd('cfirst')
table.insert(seen, 'jumped to line ' .. vim.fn.line('.'))
table.insert(seen, 'diagnosed in line ' .. vim.diagnostic.get(0)[1].lnum + 1)
save('number \\* "two"', 'number * 3')
wait_until('mended', function() return #vim.fn.getqflist() == 0 and #vim.diagnostic.get(0) == 0 end)
finish(0)
"#;

const LISP: &str = r#"
(defvar seen nil)

(defun write-seen ()
  (write-region (concat (mapconcat #'identity (reverse seen) "\n") "\n") nil "seen.txt"))

(defun answer ()
  (if (get-buffer "*hotdev*") (with-current-buffer "*hotdev*" (buffer-string)) ""))

(defun wait-until (text)
  (let ((end (+ (float-time) 30)))
    (while (not (string-match-p text (answer)))
      (when (> (float-time) end)
        (push (concat "no " text ": " (answer)) seen)
        (write-seen)
        (kill-emacs 1))
      (accept-process-output nil 0.02))))

(defun save (old new)
  (goto-char (point-min))
  (search-forward old)
  (replace-match new t t)
  (save-buffer))

(setq make-backup-files nil)
(let ((file (expand-file-name "src/main.rs")) (default default-directory))
  (find-file file)
  (save "old greeting" "new greeting")
  (wait-until "^live 1 ")
  (save "number * 2" "number * \"two\"")
  (wait-until "^compile error")
  (next-error)
  (push (format "%s:%d %s" (buffer-name) (line-number-at-pos)
                (string-trim (buffer-substring (line-beginning-position) (line-end-position))))
        seen)
  (save "number * \"two\"" "number * 3")
  (wait-until "^live 2 ")
  (push "mended" seen)
  (setq default-directory default)
  (write-seen))
"#;

/// Runs an editor that plays the script against a session, and returns what it wrote down.
fn play(editor: &str, settings: &Path, command: impl FnOnce(&Workspace) -> Command) -> Vec<String> {
    let mut hot = Session::start("single");
    let (pid, line) = (hot.pid(), hot.newest_line());
    let home = hot.workspace().path("home");
    fs::create_dir_all(&home).expect("a folder can be made");
    let mut init = hot.workspace().hotdev(&["init", "--editor", editor]);
    let init = run_to_end(init.env("HOME", &home).env_remove("XDG_CONFIG_HOME"));
    assert_eq!(init.code, Some(0), "{init:#?}");
    assert!(home.join(settings).is_file(), "{init:#?}");

    let mut command = command(hot.workspace());
    command.env("HOME", &home).env_remove("XDG_CONFIG_HOME").env("LC_ALL", "C.UTF-8");
    let output = run_to_end(&mut command);
    let seen = fs::read_to_string(hot.workspace().path(SEEN)).unwrap_or_default();
    if output.code != Some(0) {
        hot.fail(&format!("{editor} has failed: {output:#?}\n{seen}"));
    }
    hot.expect_verdict("live");
    hot.expect_output("new greeting");
    hot.expect_verdict("compile-error");
    hot.expect_verdict("live");
    hot.expect_line(&["new greeting"]);
    assert_eq!(hot.pid(), pid, "it is the same process");
    hot.counts_on("tick", line);
    hot.end();
    seen.lines().map(str::to_owned).collect()
}

#[test]
fn vim_fills_the_quickfix_list() {
    let Some(vim) = crate::installed(&["vim"]) else { return };
    let seen = play("vim", Path::new(".vim/plugin/hotdev.vim"), |workspace| {
        workspace.write("edits.vim", VIM);
        let args = ["-N", "-u", "/dev/null", "-i", "NONE", "-n", "-es", "-S", "edits.vim"];
        workspace.program(&vim, &[&args[..], &["src/main.rs"]].concat())
    });
    let expected =
        ["0 entries", "main.rs:15:12 E cannot multiply `u32` by `&str`", "jumped to line 15"];
    assert_eq!(seen, expected);
}

#[test]
fn neovim_fills_the_quickfix_list_and_the_diagnostics() {
    let Some(nvim) = crate::installed(&["nvim"]) else { return };
    let seen = play("neovim", Path::new(".config/nvim/plugin/hotdev.lua"), |workspace| {
        workspace.write("edits.lua", LUA);
        let args = ["--headless", "-n", "-i", "NONE", "src/main.rs", "-c", "luafile edits.lua"];
        workspace.program(&nvim, &args)
    });
    let expected = [
        "0 entries",
        "main.rs:15:12 E cannot multiply `u32` by `&str`",
        "jumped to line 15",
        "diagnosed in line 15",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn emacs_finds_the_next_error() {
    let Some(emacs) = crate::installed(&["emacs"]) else { return };
    let seen = play("emacs", Path::new(".emacs.d/lisp/hotdev.el"), |workspace| {
        workspace.write("edits.el", LISP);
        let args = ["-Q", "--batch", "-L", "home/.emacs.d/lisp", "-l", "hotdev", "-l", "edits.el"];
        workspace.program(&emacs, &args)
    });
    assert_eq!(seen, ["main.rs:15 number * \"two\"", "mended"]);
}

#[test]
fn the_emacs_binding_lies_where_emacs_looks() {
    let Some(emacs) = crate::installed(&["emacs"]) else { return };
    let workspace = Workspace::copy("single");
    let layouts: [&[&str]; 5] = [
        &[".bashrc"],
        &[".config/emacs/init.el"],
        &[".config/emacs/init.el", ".emacs.d/init.el"],
        &[".config/emacs/init.el", ".emacs"],
        &["own/emacs/init.el"],
    ];
    for (number, files) in layouts.iter().enumerate() {
        let home = workspace.path(&format!("home-{number}"));
        for file in *files {
            workspace.write(&format!("home-{number}/{file}"), "");
        }
        let at_home = |mut command: Command| {
            command.env("HOME", &home).env_remove("XDG_CONFIG_HOME");
            if files[0].starts_with("own") {
                command.env("XDG_CONFIG_HOME", home.join("own"));
            }
            let output = run_to_end(&mut command);
            assert_eq!(output.code, Some(0), "{output:#?}");
            output.stdout
        };
        let folder = "(princ (expand-file-name user-emacs-directory))";
        let folder = at_home(workspace.program(&emacs, &["--batch", "--eval", folder]));
        at_home(workspace.hotdev(&["init", "--editor", "emacs"]));
        assert!(Path::new(&folder).join("lisp/hotdev.el").is_file(), "{files:?}: {folder}");
    }
}
