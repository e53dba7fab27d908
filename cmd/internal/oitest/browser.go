package oitest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"testing"
)

// A Browser is a Chromium without a window, and a page in it, which tests talk
// to by the DevTools protocol. It is for one goroutine.
type Browser struct {
	t       testing.TB
	to      *os.File
	from    *bufio.Reader
	session string
	last    int // id of the last message sent

	// Events are those that came with answers, in their order.
	Events []Event
}

// An Event is something that the browser tells without being asked.
type Event struct {
	Method string
	Params json.RawMessage
}

// NewBrowser starts a Chromium with an empty page. The test is skipped where
// there is none, or it does not run.
func NewBrowser(t testing.TB) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium")
	}
	// The browser reads descriptor 3 and writes 4.
	theirIn, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--remote-debugging-pipe", "--user-data-dir="+profile(t))
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := cmd.Start(); err != nil {
		t.Skipf("chromium does not run here: %v", err)
	}
	if err := errors.Join(theirIn.Close(), theirOut.Close()); err != nil {
		t.Fatal(err)
	}
	b := &Browser{t: t, to: to, from: bufio.NewReader(from)}
	t.Cleanup(func() {
		_ = b.send("Browser.close", nil)
		_ = cmd.Wait()
		_ = errors.Join(to.Close(), from.Close())
	})
	var made struct{ TargetID string }
	if err := b.ask("Target.createTarget", map[string]any{"url": "about:blank"}, &made); err != nil {
		t.Skipf("chromium does not run here: %v", err)
	}
	var attached struct{ SessionID string }
	b.Do("Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	return b
}

// Do calls a method of the protocol for the page and decodes its result, unless
// that is nil.
func (b *Browser) Do(method string, params map[string]any, result any) {
	b.t.Helper()
	if err := b.ask(method, params, result); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
}

// Open loads an address, and waits until all is there.
func (b *Browser) Open(address string) {
	b.t.Helper()
	b.Do("Page.enable", nil, nil)
	var r struct{ ErrorText string }
	if b.Do("Page.navigate", map[string]any{"url": address}, &r); r.ErrorText != "" {
		b.t.Fatalf("%s: %s", address, r.ErrorText)
	}
	for {
		m, err := b.read()
		if err != nil {
			b.t.Fatalf("%s: %v", address, err)
		}
		if m.Method == "Page.loadEventFired" {
			return
		}
	}
}

// Evaluate computes an expression of JavaScript in the page, waits for it if it
// is a promise, and decodes its value.
func (b *Browser) Evaluate(expression string, value any) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.Do("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, r.ExceptionDetails)
	}
	if value != nil {
		if err := json.Unmarshal(r.Result.Value, value); err != nil {
			b.t.Fatalf("%s: %v: %s", expression, err, r.Result.Value)
		}
	}
}

// Choose gives files to the file input that a selector finds, as a person does.
func (b *Browser) Choose(selector string, files ...string) {
	b.t.Helper()
	var document struct{ Root struct{ NodeID int } }
	b.Do("DOM.getDocument", nil, &document)
	var found struct{ NodeID int }
	b.Do("DOM.querySelector", map[string]any{"nodeId": document.Root.NodeID, "selector": selector}, &found)
	b.Do("DOM.setFileInputFiles", map[string]any{"nodeId": found.NodeID, "files": files}, nil)
}

func (b *Browser) send(method string, params map[string]any) error {
	b.last++
	message := map[string]any{"id": b.last, "method": method}
	if params != nil {
		message["params"] = params
	}
	if b.session != "" && method != "Browser.close" {
		message["sessionId"] = b.session
	}
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = b.to.Write(append(data, 0))
	return err
}

func (b *Browser) ask(method string, params map[string]any, result any) error {
	if err := b.send(method, params); err != nil {
		return err
	}
	for {
		m, err := b.read()
		switch {
		case err != nil:
			return err
		case m.Method != "" || m.ID != b.last: // nobody waits for it
		case m.Error != nil:
			return errors.New(m.Error.Message)
		case result == nil:
			return nil
		default:
			return json.Unmarshal(m.Result, result)
		}
	}
}

// message is what comes from the browser: an answer or an event.
type message struct {
	ID     int
	Error  *struct{ Message string }
	Result json.RawMessage
	Event
}

// read reads a message, and remembers an event.
func (b *Browser) read() (m message, err error) {
	data, err := b.from.ReadBytes(0)
	if err != nil {
		return m, err
	}
	err = json.Unmarshal(bytes.TrimSuffix(data, []byte{0}), &m)
	if m.Method != "" {
		b.Events = append(b.Events, m.Event)
	}
	return m, err
}

// profile returns a folder for what the browser keeps. A process of it may still
// write there when the browser itself has ended, for which t.TempDir would fail
// the test.
func profile(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
