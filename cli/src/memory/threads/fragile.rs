//! System calls with which no thread is disturbed while it waits in them.

/// close, ioctl, connect, io_uring_enter and close_range may end with `EINTR` and cannot be begun
/// again. In clone, fork, vfork and clone3 a thread may wait for a process that uses its memory, and
/// does not stop meanwhile; in execve and execveat it waits for all others.
const ALWAYS: [u64; 11] = [3, 16, 42, 56, 57, 58, 59, 322, 426, 435, 436];

/// write, pwrite64, writev, sendfile, sendto, sendmsg, splice, tee, vmsplice, pwritev, sendmmsg,
/// copy_file_range and pwritev2 end early when they have done a part of their work.
const TRANSFERS: [u64; 13] = [1, 18, 20, 40, 44, 46, 275, 276, 278, 296, 307, 326, 328];

/// recvfrom, recvmsg and recvmmsg, and which of their arguments are the flags. With `MSG_WAITALL` they
/// end early, too; recvmmsg waits for all of its messages unless `MSG_WAITFORONE` is there.
const RECEIVES: [(u64, usize); 3] = [(45, 3), (47, 2), (RECVMMSG, 3)];
const RECVMMSG: u64 = 299;
const MSG_WAITALL: u64 = 0x100;
const MSG_WAITFORONE: u64 = 0x10000;

/// Whether a thread is in such a call, by what `/proc/PID/task/TID/syscall` says: the call's number
/// and its arguments. A thread that runs is in none.
pub fn is(call: &str) -> bool {
    let mut words = call.split_whitespace();
    let Some(number) = words.next().and_then(|number| number.parse::<u64>().ok()) else {
        return false;
    };
    if ALWAYS.contains(&number) || TRANSFERS.contains(&number) {
        return true;
    }
    let Some((_, at)) = RECEIVES.into_iter().find(|(receive, _)| *receive == number) else {
        return false;
    };
    let flags = words
        .nth(at)
        .and_then(|flags| u64::from_str_radix(flags.trim_start_matches("0x"), 16).ok());
    flags.is_none_or(|flags| {
        flags & MSG_WAITALL != 0 || number == RECVMMSG && flags & MSG_WAITFORONE == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_end_early_are_known_by_number_and_flags() {
        for (call, expected) in [
            ("running", false),
            ("-1 0x7ffc 0x7f12", false),
            ("0 0x3 0x7f00 0x100 0x0 0x0 0x0 0x7ffc 0x7f12", false),
            ("1 0x3 0x7f00 0x100000 0x0 0x0 0x0 0x7ffc 0x7f12", true),
            ("16 0x3 0x7f00 0x0 0x0 0x0 0x0 0x7ffc 0x7f12", true),
            ("45 0x3 0x7f00 0x100 0x0 0x0 0x0 0x7ffc 0x7f12", false),
            ("45 0x3 0x7f00 0x10 0x100 0x0 0x0 0x7ffc 0x7f12", true),
            ("47 0x3 0x7f00 0x4100 0x0 0x0 0x0 0x7ffc 0x7f12", true),
            ("47 0x3 0x7f00 0x4000 0x100 0x0 0x0 0x7ffc 0x7f12", false),
            ("299 0x3 0x7f00 0x8 0x0 0x0 0x0 0x7ffc 0x7f12", true),
            ("299 0x3 0x7f00 0x8 0x10000 0x0 0x0 0x7ffc 0x7f12", false),
        ] {
            assert_eq!(is(call), expected, "{call}");
        }
    }
}
