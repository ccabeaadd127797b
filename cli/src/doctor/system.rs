//! What a session needs of the kernel and of the user's folders.

use std::fs;

use super::Check;
use crate::config::Config;
use crate::control::SessionFile;
use crate::processes;
use crate::project::Project;
use crate::watch::Watch;

/// Watches the workspace as a session does, and makes the folder of its sockets.
pub fn checks(project: &Project, config: &Config, say: &mut impl FnMut(Check)) {
    say(watches(project, config));
    say(sockets(project));
    say(Check::ok("ptrace", "patching does without; old code is unloaded where it is permitted"));
}

fn watches(project: &Project, config: &Config) -> Check {
    let root = project.root.canonicalize().unwrap_or_else(|_| project.root.clone());
    let limits = format!(
        "the kernel allows {} watches and {} watchers a user ({} and {} in use)",
        limit("max_user_watches"),
        limit("max_user_instances"),
        in_use().0,
        in_use().1,
    );
    match Watch::start(&root, &project.target_dir, &config.watch.ignore, |_| {}) {
        Ok(watch) => {
            let message = format!("{} folders need a watch each; {limits}", watch.folders());
            Check::ok("file watches", message)
        }
        Err(error) => Check::problem("file watches", format!("{error}; {limits}"), error.hint),
    }
}

/// The lower one of the kernel's limit and that of the user namespace, a container's for instance.
fn limit(name: &str) -> String {
    let of_namespace = name.replace("max_user_", "max_inotify_");
    let files = [format!("/proc/sys/fs/inotify/{name}"), format!("/proc/sys/user/{of_namespace}")];
    let numbers =
        files.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    let lowest: Option<u64> = numbers.min();
    lowest.map_or_else(|| "an unknown number of".into(), |number| number.to_string())
}

/// Watches and watchers of all processes that can be looked into: those of this user.
fn in_use() -> (usize, usize) {
    let (mut watches, mut watchers) = (0, 0);
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let folders = processes.filter_map(|entry| fs::read_dir(entry.path().join("fdinfo")).ok());
    for file in folders.flatten().flatten() {
        let descriptor = file.path().to_string_lossy().replace("/fdinfo/", "/fd/");
        if !fs::read_link(descriptor).is_ok_and(|to| to.ends_with("anon_inode:inotify")) {
            continue;
        }
        let text = fs::read_to_string(file.path()).unwrap_or_default();
        watches += text.lines().filter(|line| line.starts_with("inotify ")).count();
        watchers += 1;
    }
    (watches, watchers)
}

fn sockets(project: &Project) -> Check {
    let name = "sockets";
    if let Some(session) = SessionFile::find(&project.target_dir) {
        return Check::ok(name, format!("a session runs (process {})", session.pid));
    }
    let variable = std::env::var_os("XDG_RUNTIME_DIR").unwrap_or_default();
    let named = match variable.is_empty() {
        true => "XDG_RUNTIME_DIR is not set, and need not be: ".to_owned(),
        false => String::new(),
    };
    match processes::socket_folder(&project.target_dir) {
        Ok(folder) => Check::ok(name, format!("{named}they will lie in {}", folder.display())),
        Err(error) => Check::failed(name, error),
    }
}
