" hotdev: after a save the running program is patched; what cannot go in is in the quickfix list.
" Written by `hotdev init --editor vim`. It does nothing in a project without a session.
"
" g:hotdev_command   the program, with options if there are any   ['hotdev']
" g:hotdev_pattern   files whose saves count                      '*.rs,*.toml'

if exists('g:loaded_hotdev') || !has('job')
  finish
endif
let g:loaded_hotdev = 1

" The quickfix list of the last answer, once there has been one.
let s:list = 0

function! s:Reload(file) abort
  let l:answer = {'lines': []}
  let l:command = get(g:, 'hotdev_command', ['hotdev']) + ['reload', '--json', a:file]
  call job_start(l:command, {
        \ 'cwd': fnamemodify(a:file, ':h'),
        \ 'in_io': 'null',
        \ 'err_io': 'null',
        \ 'out_cb': {_, line -> add(l:answer.lines, line)},
        \ 'close_cb': {_ -> s:Answered(l:answer.lines)},
        \ })
endfunction

" An answer is a line of JSON for each event; the last one has the exit code.
function! s:Answered(lines) abort
  let [l:places, l:text, l:exit] = [[], '', -1]
  for l:event in map(filter(copy(a:lines), 'v:val =~# "^{"'), 'json_decode(v:val)')
    if l:event.event ==# 'live'
      let l:text = printf('live %d (%.0f ms)', l:event.generation, l:event.ms.total)
    elseif l:event.event ==# 'compile-error'
      let l:text = 'compile error'
      call extend(l:places, map(copy(l:event.diagnostics), 's:Place(v:val, v:val.message, v:val.level)'))
    elseif l:event.event ==# 'refused'
      let l:text = 'refused: ' . l:event.message
      call extend(l:places, map(copy(l:event.items), 's:Place(v:val, s:Change(v:val), "error")'))
    elseif l:event.event ==# 'restarted' || l:event.event ==# 'unchanged'
      let l:text = l:event.event
    elseif l:event.event ==# 'done'
      let l:exit = l:event.exit
      let l:text = type(l:event.message) == v:t_string ? l:event.message : l:text
    endif
  endfor
  " Where no session runs there is nothing to say.
  if l:exit >= 0
    call s:Fill(filter(l:places, 'has_key(v:val, "filename")'))
    redraw
    if l:text !=# ''
      echomsg 'hotdev: ' . substitute(l:text, '\n.*', '', '')
    endif
  endif
endfunction

function! s:Change(item) abort
  return printf('%s: %s -> %s', a:item.name, get(a:item, 'was', ''), get(a:item, 'now', ''))
endfunction

function! s:Place(where, text, level) abort
  let l:place = {'text': a:text, 'type': a:level ==# 'warning' ? 'W' : 'E'}
  if type(get(a:where, 'file', v:null)) == v:t_string && a:where.file !=# ''
    call extend(l:place, {'filename': a:where.file, 'lnum': get(a:where, 'line', 1), 'col': get(a:where, 'column', 1)})
  endif
  return l:place
endfunction

" The list of the answer before is filled anew, so that :colder still leads to the user's own.
function! s:Fill(places) abort
  let l:what = {'items': a:places, 'title': 'hotdev'}
  if s:list > 0 && getqflist({'id': s:list}).id == s:list
    call setqflist([], 'r', extend(l:what, {'id': s:list}))
  elseif !empty(a:places)
    call setqflist([], ' ', l:what)
    let s:list = getqflist({'id': 0}).id
  endif
endfunction

augroup hotdev
  autocmd!
  execute 'autocmd BufWritePost' get(g:, 'hotdev_pattern', '*.rs,*.toml') 'call s:Reload(expand("<afile>:p"))'
augroup END
