package main

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Argo CD gives a script this long.
const limit = time.Second

// Runs a script on an object in the sandbox of Argo CD (util/lua/lua.go there) and returns what it returned: the base and table
// libraries, `require`, and a module os with date and time only.
func runLua(asked question) (lua.LValue, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: !asked.OpenLibs})
	defer state.Close()
	open := func(name string, library lua.LGFunction) {
		state.Push(state.NewFunction(library))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	open(lua.LoadLibName, lua.OpenPackage)
	open(lua.BaseLibName, lua.OpenBase)
	open(lua.TabLibName, lua.OpenTable)
	if !asked.OpenLibs {
		open(lua.OsLibName, lua.OpenOs)
		whole := state.GetGlobal(lua.OsLibName).(*lua.LTable)
		safe := state.NewTable()
		safe.RawSetString("date", dateAt(whole.RawGetString("date"), asked.Now, state))
		safe.RawSetString("time", whole.RawGetString("time"))
		// A script gets at it by require("os"), and not otherwise.
		state.SetGlobal(lua.OsLibName, lua.LNil)
		state.SetField(state.GetField(state.Get(lua.RegistryIndex), "_LOADED"), lua.OsLibName, safe)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("actionParams", state.NewTable())
	state.SetGlobal("obj", toLua(state, asked.Object))
	if err := state.DoString(asked.Script); err != nil {
		return nil, err
	}
	return state.Get(-1), nil
}

// The date function with another idea of the time.
func dateAt(date lua.LValue, now *time.Time, state *lua.LState) lua.LValue {
	if now == nil {
		return date
	}
	return state.NewFunction(func(state *lua.LState) int {
		format := state.CheckString(1)
		state.Push(date)
		state.Push(lua.LString(format))
		state.Push(lua.LNumber(now.Unix()))
		state.Call(2, 1)
		return 1
	})
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case float64:
		return lua.LNumber(value)
	case int64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		list := state.CreateTable(len(value), 0)
		for _, item := range value {
			list.Append(toLua(state, item))
		}
		return list
	case map[string]any:
		table := state.CreateTable(0, len(value))
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
