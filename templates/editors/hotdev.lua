-- hotdev: after a save the running program is patched; what cannot go in is in the quickfix list
-- and in the buffer's diagnostics.
-- Written by `hotdev init --editor neovim`. It does nothing in a project without a session.
--
-- vim.g.hotdev_command   the program, with options if there are any   { 'hotdev' }
-- vim.g.hotdev_pattern   files whose saves count                      { '*.rs', '*.toml' }

if vim.g.loaded_hotdev then
  return
end
vim.g.loaded_hotdev = 1

local namespace = vim.api.nvim_create_namespace('hotdev')
-- The quickfix list of the last answer, once there has been one.
local list = 0

local function place(where, text, level)
  if type(where.file) ~= 'string' or where.file == '' then
    return nil
  end
  local number = function(value)
    return type(value) == 'number' and value > 0 and value or 1
  end
  return {
    filename = where.file,
    lnum = number(where.line),
    col = number(where.column),
    text = text,
    type = level == 'warning' and 'W' or 'E',
  }
end

-- What each event says in one line, and the places that it names.
local says = {
  live = function(event)
    return ('live %d (%.0f ms)'):format(event.generation, event.ms.total), {}
  end,
  unchanged = function()
    return 'unchanged', {}
  end,
  restarted = function()
    return 'restarted', {}
  end,
  ['compile-error'] = function(event)
    return 'compile error', vim.tbl_map(function(diagnostic)
      return place(diagnostic, diagnostic.message, diagnostic.level) or false
    end, event.diagnostics)
  end,
  refused = function(event)
    return 'refused: ' .. event.message, vim.tbl_map(function(item)
      local text = ('%s: %s -> %s'):format(item.name, item.was or '', item.now or '')
      return place(item, text, 'error') or false
    end, event.items)
  end,
}

-- The list of the answer before is filled anew, so that :colder still leads to the user's own.
local function fill(places)
  if list > 0 and vim.fn.getqflist({ id = list }).id == list then
    vim.fn.setqflist({}, 'r', { id = list, items = places, title = 'hotdev' })
  elseif #places > 0 then
    vim.fn.setqflist({}, ' ', { items = places, title = 'hotdev' })
    list = vim.fn.getqflist({ id = 0 }).id
  end
end

local function diagnose(places)
  vim.diagnostic.reset(namespace)
  local of_buffer = {}
  for _, one in ipairs(places) do
    local buffer = vim.fn.bufadd(one.filename)
    vim.fn.bufload(buffer)
    of_buffer[buffer] = of_buffer[buffer] or {}
    local severity = vim.diagnostic.severity[one.type == 'W' and 'WARN' or 'ERROR']
    table.insert(of_buffer[buffer], {
      lnum = one.lnum - 1,
      col = one.col - 1,
      message = one.text,
      severity = severity,
      source = 'hotdev',
    })
  end
  for buffer, diagnostics in pairs(of_buffer) do
    vim.diagnostic.set(namespace, buffer, diagnostics)
  end
end

-- An answer is a line of JSON for each event; the last one has the exit code.
local function answered(lines)
  local places, text, exit = {}, nil, nil
  for _, line in ipairs(lines) do
    local ok, event = pcall(vim.fn.json_decode, line)
    if ok and type(event) == 'table' then
      if says[event.event] then
        local found
        text, found = says[event.event](event)
        for _, one in ipairs(found) do
          if one then
            table.insert(places, one)
          end
        end
      elseif event.event == 'done' then
        exit = event.exit
        text = type(event.message) == 'string' and event.message or text
      end
    end
  end
  -- Where no session runs there is nothing to say.
  if exit then
    fill(places)
    diagnose(places)
    if text then
      vim.api.nvim_echo({ { 'hotdev: ' .. text:gsub('\n.*', '') } }, true, {})
    end
  end
end

local function reload(file)
  local command = vim.list_extend({}, vim.g.hotdev_command or { 'hotdev' })
  vim.list_extend(command, { 'reload', '--json', file })
  if vim.fn.executable(command[1]) == 0 then
    return
  end
  vim.fn.jobstart(command, {
    cwd = vim.fn.fnamemodify(file, ':h'),
    stdin = 'null',
    stdout_buffered = true,
    on_stdout = function(_, lines)
      answered(lines)
    end,
  })
end

vim.api.nvim_create_autocmd('BufWritePost', {
  group = vim.api.nvim_create_augroup('hotdev', {}),
  pattern = vim.g.hotdev_pattern or { '*.rs', '*.toml' },
  callback = function(saved)
    reload(vim.fn.fnamemodify(saved.match, ':p'))
  end,
})
