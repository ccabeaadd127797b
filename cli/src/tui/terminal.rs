//! Taking the terminal and giving it back as it was.

use std::io::{self, BufWriter, Stdout, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::notify;

/// What frames are drawn on.
pub(super) type Canvas = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether an editor has it meanwhile.
static LENT: AtomicBool = AtomicBool::new(false);
static FOCUS: AtomicBool = AtomicBool::new(false);

/// Whether the terminal is the UI's.
pub(super) fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Whether somebody else has the terminal for a while, who gets a Ctrl-C there.
pub(super) fn is_lent() -> bool {
    LENT.load(Ordering::SeqCst)
}

pub(super) fn set_lent(lent: bool) {
    LENT.store(lent, Ordering::SeqCst);
}

/// Switches to a screen of our own, with keys as they are typed. `focus`: whether to be told when
/// the window comes into view, and to set its title.
pub(super) fn take(focus: bool) -> io::Result<()> {
    FOCUS.store(focus, Ordering::SeqCst);
    TAKEN.store(true, Ordering::SeqCst);
    let taken = enable_raw_mode().and_then(|()| {
        // A console may have one screen only, or a session that was killed has left its own.
        execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All), EnableBracketedPaste)?;
        if focus {
            execute!(stdout(), EnableFocusChange)?;
            notify::save_title(&mut stdout())?;
        }
        Ok(())
    });
    if taken.is_err() {
        give_back();
    }
    taken
}

/// Leaves the screen and the keys as they were; harmless when that has been done.
pub(super) fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = stdout();
    // First what cannot block: a terminal that nobody reads from takes no more bytes.
    let _ = disable_raw_mode();
    if FOCUS.load(Ordering::SeqCst) {
        let _ = queue!(out, DisableFocusChange);
        let _ = notify::restore_title(&mut out);
    }
    let _ = execute!(out, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = out.flush();
}

/// A canvas over the whole terminal.
pub(super) fn canvas() -> io::Result<Canvas> {
    Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, stdout())))
}
