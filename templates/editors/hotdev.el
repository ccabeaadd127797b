;;; hotdev.el --- Patch the running Rust program on save -*- lexical-binding: t -*-

;; Written by `hotdev init --editor emacs'.
;;
;; After a save the running program is patched.  What cannot go in is in the
;; buffer *hotdev*, where `next-error' finds it.  In a project without a session
;; nothing happens.

;;; Code:

(require 'compile)

(defgroup hotdev nil "Patch the running Rust program on save." :group 'tools)

(defcustom hotdev-command "hotdev"
  "The program, with its options if there are any."
  :type 'string)

(defcustom hotdev-file-regexp "\\.\\(rs\\|toml\\)\\'"
  "Files whose saves count."
  :type 'regexp)

(define-compilation-mode hotdev-mode "hotdev"
  "What `hotdev reload' says."
  (setq-local compilation-error-regexp-alist '(gnu)))

(defun hotdev--answered (process)
  "Show what PROCESS has answered, now that it has ended."
  (let ((text (with-current-buffer (process-buffer process) (buffer-string)))
        (code (process-exit-status process))
        (folder (process-get process 'folder)))
    (kill-buffer (process-buffer process))
    ;; Where no session runs there is nothing to say.
    (unless (= code 3)
      (with-current-buffer (get-buffer-create "*hotdev*")
        (let ((inhibit-read-only t))
          (erase-buffer)
          ;; `next-error' passes over an error at the very beginning.
          (insert "hotdev reload\n" text))
        (hotdev-mode)
        (setq default-directory folder)
        (let ((inhibit-read-only t))
          (compilation--ensure-parse (point-max)))
        (goto-char (point-min))
        (setq next-error-last-buffer (current-buffer)))
      (message "hotdev: %s" (hotdev--summary text)))))

(defun hotdev--summary (text)
  "The line of TEXT with the verdict."
  (let ((verdict "^\\(live\\|unchanged\\|compile error\\|refused\\|restarted\\|error\\).*"))
    (if (string-match verdict text) (match-string 0 text) text)))

(defun hotdev-reload (&optional file)
  "Have the session apply FILE, or whatever changed."
  (interactive)
  (make-process
   :name "hotdev"
   :buffer (generate-new-buffer " *hotdev-answer*")
   :command (append (split-string-and-unquote hotdev-command) '("reload") (and file (list file)))
   :connection-type 'pipe
   :noquery t
   :sentinel (let ((folder default-directory))
               (lambda (process _)
                 (unless (process-live-p process)
                   (process-put process 'folder folder)
                   (hotdev--answered process))))))

(defun hotdev--saved ()
  "Reload if the file of this buffer counts."
  (when (and buffer-file-name
             (string-match-p hotdev-file-regexp buffer-file-name)
             (locate-dominating-file buffer-file-name "Cargo.toml")
             (executable-find (car (split-string-and-unquote hotdev-command))))
    (let ((default-directory (file-name-directory buffer-file-name)))
      (hotdev-reload buffer-file-name))))

(add-hook 'after-save-hook #'hotdev--saved)

(provide 'hotdev)
;;; hotdev.el ends here
