package oitest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// A Chromium is a headless browser that shows one page.
type Chromium struct {
	t       testing.TB
	in      *os.File
	out     *bufio.Reader
	id      int
	session string
	events  []devtoolsMessage
}

type devtoolsMessage struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`
}

// chromiumTime bounds what a test may take with the browser.
const chromiumTime = 5 * time.Minute

// StartChromium starts the browser that the system has, and ends it with the
// test. The test is skipped where there is none.
func StartChromium(t testing.TB) *Chromium {
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
	fromUs, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, toUs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), chromiumTime)
	browser := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
		"--no-first-run", "--remote-debugging-pipe", "--user-data-dir="+profile(t))
	browser.ExtraFiles = []*os.File{fromUs, toUs} // 3 and 4, as the option wants
	if err := browser.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	for _, end := range []*os.File{fromUs, toUs} {
		if err := end.Close(); err != nil {
			t.Error(err)
		}
	}
	c := &Chromium{t: t, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		_, _ = io.WriteString(in, `{"id":0,"method":"Browser.close"}`+"\x00")
		_, _ = io.Copy(io.Discard, c.out) // until it has ended, or is killed
		_ = browser.Wait()
		cancel()
		_, _ = in.Close(), out.Close()
	})
	var target struct{ TargetID string }
	c.decode(c.call("", "Target.createTarget", map[string]any{"url": "about:blank"}), &target)
	var attached struct{ SessionID string }
	c.decode(c.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}), &attached)
	c.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		c.Call(domain+".enable", nil)
	}
	return c
}

func (c *Chromium) decode(raw json.RawMessage, to any) {
	c.t.Helper()
	if err := json.Unmarshal(raw, to); err != nil {
		c.t.Fatalf("chromium: %v: %s", err, raw)
	}
}

// Call calls a method of the DevTools protocol on the page.
func (c *Chromium) Call(method string, params any) json.RawMessage {
	c.t.Helper()
	return c.call(c.session, method, params)
}

func (c *Chromium) call(session, method string, params any) json.RawMessage {
	c.t.Helper()
	c.id++
	message := map[string]any{"id": c.id, "method": method}
	if params != nil {
		message["params"] = params
	}
	if session != "" {
		message["sessionId"] = session
	}
	text, err := json.Marshal(message)
	if err == nil {
		_, err = c.in.Write(append(text, 0))
	}
	if err != nil {
		c.t.Fatalf("chromium: %s: %v", method, err)
	}
	for {
		answer := c.read()
		if answer.ID != c.id {
			c.events = append(c.events, answer)
			continue
		}
		if answer.Error != nil {
			c.t.Fatalf("chromium: %s: %s", method, answer.Error)
		}
		return answer.Result
	}
}

func (c *Chromium) read() (m devtoolsMessage) {
	c.t.Helper()
	text, err := c.out.ReadBytes(0)
	if err != nil {
		c.t.Fatalf("chromium ended: %v", err)
	}
	c.decode(text[:len(text)-1], &m)
	return m
}

// Open shows a page of a size in CSS pixels, dark or not, and waits until it is
// loaded.
func (c *Chromium) Open(address string, width, height int, dark bool) {
	c.t.Helper()
	c.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false})
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	c.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
	c.events = nil
	c.Call("Page.navigate", map[string]any{"url": address})
	for {
		for _, e := range c.events {
			if e.Method == "Page.loadEventFired" {
				return
			}
		}
		c.events = append(c.events, c.read())
	}
}

// Errors returns what the page logged and threw since it was opened.
func (c *Chromium) Errors() []string {
	c.t.Helper()
	c.Eval("0", nil) // what was said before has arrived with the answer
	var list []string
	for _, e := range c.events {
		switch e.Method {
		case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
			list = append(list, fmt.Sprintf("%s: %s", e.Method, e.Params))
		}
	}
	return list
}

// Eval evaluates an expression of JavaScript on the page, waits for it if it is
// a promise, and decodes its value into to, unless that is nil.
func (c *Chromium) Eval(expression string, to any) {
	c.t.Helper()
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	c.decode(c.Call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}), &answer)
	if answer.ExceptionDetails != nil {
		c.t.Fatalf("chromium: %s: %s", expression, answer.ExceptionDetails)
	}
	if to != nil {
		c.decode(answer.Result.Value, to)
	}
}

// Screenshot returns the whole page as a PNG.
func (c *Chromium) Screenshot() []byte {
	c.t.Helper()
	var picture struct{ Data []byte }
	c.decode(c.Call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}), &picture)
	return picture.Data
}

// PDF prints the page on A4.
func (c *Chromium) PDF() []byte {
	c.t.Helper()
	var file struct{ Data []byte }
	c.decode(c.Call("Page.printToPDF", map[string]any{"printBackground": false, "paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": true}), &file)
	return file.Data
}
