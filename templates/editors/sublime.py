"""hotdev: after a save the running program is patched; F4 goes through what cannot go in.

Written by `hotdev init --editor sublime`. It does nothing in a project without a session.
"""

import os
import subprocess

import sublime
import sublime_plugin

COMMAND = ["hotdev"]
FILES = (".rs", ".toml")
NO_SESSION = 3


class HotdevOnSave(sublime_plugin.EventListener):
    def on_post_save_async(self, view):
        path = view.file_name()
        window = view.window()
        if window is None or not path.endswith(FILES):
            return
        folder = os.path.dirname(path)
        if not in_project(folder):
            return
        try:
            answer = subprocess.run(
                COMMAND + ["reload", path],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            window.status_message("hotdev: {}".format(error))
            return
        if answer.returncode != NO_SESSION:
            show(window, folder, answer.stdout.decode("utf-8", "replace"), answer.returncode)


def in_project(folder):
    while not os.path.isfile(os.path.join(folder, "Cargo.toml")):
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above
    return True


def show(window, folder, text, code):
    panel = window.create_output_panel("hotdev")
    panel.settings().set("result_file_regex", r"^(\S.*?):(\d+):(\d+): (.*)$")
    panel.settings().set("result_base_dir", folder)
    # Made a second time, the panel takes these settings over as the ones of F4.
    panel = window.create_output_panel("hotdev")
    panel.run_command("append", {"characters": text})
    if code == 0:
        window.run_command("hide_panel", {"panel": "output.hotdev"})
        window.status_message("hotdev: " + text.strip().split("\n")[0])
    else:
        window.run_command("show_panel", {"panel": "output.hotdev"})
