//! Taking the terminal and giving it back as it was.

use std::io::{self, BufWriter, Stdout, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crossterm::cursor::{MoveTo, Show};
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

/// How long a frame may take that is being drawn when the terminal is given back. The one who gives it
/// back may be the one who draws, and one whom nobody reads from draws for ever.
const FRAME_LIMIT: Duration = Duration::from_millis(100);

/// How late a signal may be looked at.
const LATE: Duration = Duration::from_millis(500);

static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether an editor has it meanwhile.
static LENT: AtomicBool = AtomicBool::new(false);
/// When it was given back last.
static RETURNED: Mutex<Option<Instant>> = Mutex::new(None);
/// Held while a frame is drawn.
static DRAWN_ON: Mutex<()> = Mutex::new(());
static FOCUS: AtomicBool = AtomicBool::new(false);

/// Whether the terminal is the UI's.
pub(super) fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Whether somebody else has the terminal for a while, who gets a Ctrl-C there; or had it until just
/// now: on a busy machine the signal may be looked at when that one has ended already.
pub(super) fn is_lent() -> bool {
    let returned = *RETURNED.lock().unwrap_or_else(PoisonError::into_inner);
    LENT.load(Ordering::SeqCst) || returned.is_some_and(|at| at.elapsed() < LATE)
}

pub(super) fn set_lent(lent: bool) {
    if LENT.swap(lent, Ordering::SeqCst) && !lent {
        *RETURNED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
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

/// The right to draw a frame, while the terminal is the UI's: another thread may give it back at any
/// time, and what was drawn then would lie over everything.
pub(super) fn draw_on() -> Option<MutexGuard<'static, ()>> {
    let guard = DRAWN_ON.lock().unwrap_or_else(PoisonError::into_inner);
    is_taken().then_some(guard)
}

/// Waits until no frame is being drawn.
fn await_frame() {
    let end = Instant::now() + FRAME_LIMIT;
    while matches!(DRAWN_ON.try_lock(), Err(TryLockError::WouldBlock)) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Leaves the screen and the keys as they were; harmless when that has been done.
pub(super) fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = stdout();
    // First what cannot block: a terminal that nobody reads from takes no more bytes.
    let _ = disable_raw_mode();
    await_frame();
    if FOCUS.load(Ordering::SeqCst) {
        let _ = queue!(out, DisableFocusChange);
        let _ = notify::restore_title(&mut out);
    }
    // Where the terminal has become larger meanwhile, tmux (3.3a) moves what stands on this screen into
    // the scrollback when it is left; and a console that has no other screen keeps it in view.
    let _ = execute!(
        out,
        DisableBracketedPaste,
        Clear(ClearType::All),
        MoveTo(0, 0),
        LeaveAlternateScreen,
        Show
    );
    let _ = out.flush();
}

/// A canvas over the whole terminal.
pub(super) fn canvas() -> io::Result<Canvas> {
    Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(1 << 16, stdout())))
}
