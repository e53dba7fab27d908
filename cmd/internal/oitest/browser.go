package oitest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// A Browser is a Chromium without a window, and a page in it, which tests talk
// to by the DevTools protocol. It is for one goroutine.
type Browser struct {
	t       testing.TB
	to      *os.File
	from    *bufio.Reader
	session string
	last    int // id of the last message sent

	// Events are what the browser has told since the page was opened, in
	// its order.
	Events []Event
}

// An Event is something that the browser tells without being asked.
type Event struct {
	Method string
	Params json.RawMessage
}

// browserTime bounds what a test may take with the browser.
const browserTime = 5 * time.Minute

// NewBrowser starts the Chromium that the system has, with an empty page, and
// ends it with the test. The test is skipped where there is none.
func NewBrowser(t testing.TB) *Browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("there is no chromium on this machine")
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
	ctx, cancel := context.WithTimeout(t.Context(), browserTime)
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--hide-scrollbars", "--no-first-run", "--remote-debugging-pipe", "--user-data-dir="+profile(t))
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	if err := errors.Join(theirIn.Close(), theirOut.Close()); err != nil {
		t.Error(err)
	}
	b := &Browser{t: t, to: to, from: bufio.NewReader(from)}
	t.Cleanup(func() {
		b.session = ""
		_ = b.send("Browser.close", nil)
		_, _ = io.Copy(io.Discard, b.from) // until it has ended, or is killed
		_ = cmd.Wait()
		cancel()
		_ = errors.Join(to.Close(), from.Close())
	})
	var made struct{ TargetID string }
	b.Do("Target.createTarget", map[string]any{"url": "about:blank"}, &made)
	var attached struct{ SessionID string }
	b.Do("Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.Do(domain+".enable", nil, nil)
	}
	return b
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

// Do calls a method of the protocol for the page and decodes its result, unless
// that is nil.
func (b *Browser) Do(method string, params map[string]any, result any) {
	b.t.Helper()
	if err := b.send(method, params); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	for {
		m := b.read()
		switch {
		case m.Method != "" || m.ID != b.last: // nobody waits for it
		case m.Error != nil:
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		case result == nil:
			return
		default:
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatalf("%s: %v: %s", method, err, m.Result)
			}
			return
		}
	}
}

func (b *Browser) send(method string, params map[string]any) error {
	b.last++
	message := map[string]any{"id": b.last, "method": method}
	if params != nil {
		message["params"] = params
	}
	if b.session != "" {
		message["sessionId"] = b.session
	}
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = b.to.Write(append(data, 0))
	return err
}

// message is what comes from the browser: an answer or an event.
type message struct {
	ID     int
	Error  *struct{ Message string }
	Result json.RawMessage
	Event
}

// read reads a message, and remembers an event.
func (b *Browser) read() (m message) {
	b.t.Helper()
	data, err := b.from.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("the browser ended: %v", err)
	}
	if err := json.Unmarshal(bytes.TrimSuffix(data, []byte{0}), &m); err != nil {
		b.t.Fatalf("the browser said %s: %v", data, err)
	}
	if m.Method != "" {
		b.Events = append(b.Events, m.Event)
	}
	return m
}

// Show makes the page so many CSS pixels large, dark or light.
func (b *Browser) Show(width, height int, dark bool) {
	b.t.Helper()
	b.Do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.Do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]any{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Open loads an address, and waits until all is there.
func (b *Browser) Open(address string) {
	b.t.Helper()
	b.Events = nil
	var r struct{ ErrorText string }
	if b.Do("Page.navigate", map[string]any{"url": address}, &r); r.ErrorText != "" {
		b.t.Fatalf("%s: %s", address, r.ErrorText)
	}
	for {
		for _, e := range b.Events {
			if e.Method == "Page.loadEventFired" {
				return
			}
		}
		b.read()
	}
}

// Errors returns what the page logged and threw since it was opened.
func (b *Browser) Errors() []string {
	b.t.Helper()
	b.Evaluate("0", nil) // what was said before has arrived with the answer
	var list []string
	for _, e := range b.Events {
		switch e.Method {
		case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
			list = append(list, fmt.Sprintf("%s: %s", e.Method, e.Params))
		}
	}
	return list
}

// Evaluate computes an expression of JavaScript in the page, waits for it if it
// is a promise, and decodes its value, unless value is nil.
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

// Screenshot returns the whole page as a PNG.
func (b *Browser) Screenshot() []byte {
	b.t.Helper()
	var picture struct{ Data []byte }
	b.Do("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &picture)
	return picture.Data
}

// PDF prints the page on A4.
func (b *Browser) PDF() []byte {
	b.t.Helper()
	var file struct{ Data []byte }
	b.Do("Page.printToPDF", map[string]any{"printBackground": false, "paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": true}, &file)
	return file.Data
}
