package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/color"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/nn"
	"github.com/opensandwich/oi/cmd/internal/oitest"
)

// waited resolves when the page has said something else than that it is busy.
const waited = `new Promise(resolve => {
  const look = () => {
    const text = document.getElementById("status").textContent;
    if (!text.includes("…") && !text.includes("loading")) resolve(text); else setTimeout(look, 10);
  };
  look();
})`

// openDemo writes the page of a model and opens it from the disk.
func openDemo(t *testing.T, args ...string) *oitest.Browser {
	t.Helper()
	b, status := openPage(t, makePage(t, args...))
	if status != "Ready." {
		t.Fatalf("the page says: %s", status)
	}
	return b
}

// makePage writes the page of a model.
func makePage(t *testing.T, args ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "a page.html")
	if code, stdout, stderr := eval(t, nil, append(args, "--demo", path)...); code != 0 || stdout != "" || !strings.Contains(stderr, "a page.html") {
		t.Fatalf("%d %s %s", code, stdout, stderr)
	}
	return path
}

// openPage opens a page and waits for what it says first.
func openPage(t *testing.T, page string) (b *oitest.Browser, status string) {
	t.Helper()
	b = oitest.NewBrowser(t)
	b.Do("Network.enable", nil, nil)
	b.Open((&url.URL{Scheme: "file", Path: page}).String())
	b.Evaluate(waited, &status)
	return b, status
}

// A page that was cut or changed on its way says so.
func TestDemoDamaged(t *testing.T) {
	if testing.Short() {
		t.Skip("no time for a browser")
	}
	page := makePage(t, writeModel(t))
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, []byte(`id="model"`)) + 200
	copy(data[at:], bytes.Repeat([]byte("x"), 20))
	if err := os.WriteFile(page, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, status := openPage(t, page); !strings.HasPrefix(status, "The model could not be loaded: ") {
		t.Errorf("the page says: %s", status)
	}
}

// quiet fails if the page has asked for anything, or something went wrong in
// it.
func quiet(t *testing.T, b *oitest.Browser) {
	t.Helper()
	for _, complaint := range b.Errors() {
		t.Error(complaint)
	}
	requests := 0
	for _, e := range b.Events {
		if e.Method != "Network.requestWillBeSent" {
			continue
		}
		requests++
		var r struct{ Request struct{ URL string } }
		if err := json.Unmarshal(e.Params, &r); err != nil {
			t.Fatal(err)
		}
		if scheme, _, _ := strings.Cut(r.Request.URL, ":"); scheme != "file" && scheme != "blob" && scheme != "data" {
			t.Errorf("the page asks for %s", r.Request.URL)
		}
	}
	if requests == 0 {
		t.Error("no request was seen, not even that of the page itself")
	}
	// Nor could it, if it tried.
	var refused string
	b.Evaluate(`new Promise(resolve => {
	  document.addEventListener("securitypolicyviolation", event => resolve(event.effectiveDirective));
	  fetch("http://127.0.0.1:1/").catch(() => setTimeout(resolve, 1000, "nothing"));
	})`, &refused)
	if refused != "connect-src" {
		t.Errorf("the policy of the page refuses %s, not a connection", refused)
	}
}

// answerIn is what the page says of a photo.
type answerIn struct {
	Status, Verdict string
	Probabilities   map[string]float64
	Seconds         string
}

// answered chooses a photo and waits for the answer.
func answered(t *testing.T, b *oitest.Browser, photo string) answerIn {
	t.Helper()
	b.Evaluate(`void (document.getElementById("status").textContent = "…")`, nil)
	b.Choose("#file", photo)
	return answerOn(b)
}

// answerOn waits for the answer to the last photo.
func answerOn(b *oitest.Browser) (a answerIn) {
	b.Evaluate(waited, &a.Status)
	b.Evaluate(`(() => {
	  const article = document.querySelector("article");
	  if (!article) return {};
	  const probabilities = {};
	  for (const li of article.querySelectorAll("li")) probabilities[li.children[1].textContent] = +li.dataset.probability;
	  return {Verdict: article.querySelector("h2").textContent, Probabilities: probabilities, Seconds: article.querySelector(".soft").textContent};
	})()`, &a)
	return a
}

// said is what oi-eval says of it.
func said(t *testing.T, photo string, args ...string) (a answer) {
	t.Helper()
	code, stdout, stderr := eval(t, nil, append(args, "--json", photo)...)
	if code != 0 {
		t.Fatalf("%d %s", code, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// same compares the page's answer with oi-eval's.
func same(t *testing.T, got answerIn, want answer) {
	t.Helper()
	verdict := want.Label
	if want.Unsure {
		verdict = "Unsure"
	}
	if got.Verdict != verdict {
		t.Errorf("the page says %q (%s), oi-eval %q", got.Verdict, got.Status, verdict)
	}
	for class, p := range want.Probabilities {
		if q, ok := got.Probabilities[class]; !ok || math.Abs(p-q) > 1e-5 {
			t.Errorf("%s: %v in the page, %v by oi-eval", class, q, p)
		}
	}
}

// The page answers for photos as oi-eval does, from the disk, says what is wrong
// with others, and goes on.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("no time for a browser")
	}
	m := writeModelOf(t, map[string]string{"certainty": `{"unsure_below":0.75}`})
	b := openDemo(t, m)
	for name, c := range map[string]color.Color{
		"red.jpg": color.RGBA{255, 0, 0, 255}, "green.jpg": color.RGBA{0, 255, 0, 255}, "grey.jpg": color.RGBA{120, 110, 110, 255}, "blue.jpg": color.RGBA{0, 0, 255, 255},
	} {
		photo := write(t, name, string(photo(t, c)))
		same(t, answered(t, b, photo), said(t, photo, m))
	}
	red := photo(t, color.RGBA{255, 0, 0, 255})
	for content, want := range map[string]string{
		"a sandwich": "not a JPEG, PNG or WebP", string(red[:len(red)/2]): "stops early", "": "not a JPEG, PNG or WebP",
	} {
		if got := answered(t, b, write(t, "bad.jpg", content)); !strings.HasPrefix(got.Status, "bad.jpg: ") || !strings.Contains(got.Status, want) {
			t.Errorf("%.20q: %s", content, got.Status)
		}
	}
	var articles int
	if b.Evaluate(`document.querySelectorAll("article").length`, &articles); articles != 4 {
		t.Errorf("%d answers on the page, not 4", articles)
	}
	// On a small phone nothing is cut off.
	b.Do("Emulation.setDeviceMetricsOverride", map[string]any{"width": 320, "height": 600, "deviceScaleFactor": 1, "mobile": true}, nil)
	var beyond int
	if b.Evaluate(`document.documentElement.scrollWidth - innerWidth`, &beyond); beyond > 0 {
		t.Errorf("the page is %d pixels too wide for a phone", beyond)
	}
	quiet(t, b)
}

// A photo can be pasted and dropped as well as chosen, and the page be used with
// the keyboard alone.
func TestDemoByOtherHands(t *testing.T) {
	if testing.Short() {
		t.Skip("no time for a browser")
	}
	m := writeModel(t)
	b := openDemo(t, m)
	b.Do("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}, nil)
	var focused string
	if b.Evaluate(`document.activeElement.id`, &focused); focused != "file" {
		t.Errorf("after Tab the focus is on %q", focused)
	}
	for what, event := range map[string]string{
		"pasted":  `new ClipboardEvent("paste", {clipboardData: transfer})`,
		"dropped": `new DragEvent("drop", {dataTransfer: transfer, cancelable: true})`,
	} {
		send := fmt.Sprintf(`(() => {
		  document.getElementById("status").textContent = "…";
		  const transfer = new DataTransfer();
		  %%s;
		  document.dispatchEvent(%s);
		})()`, event)
		jpeg := photo(t, color.RGBA{0, 255, 0, 255})
		file := fmt.Sprintf(`transfer.items.add(new File([Uint8Array.fromBase64(%q)], "%s.jpg"))`, base64.StdEncoding.EncodeToString(jpeg), what)
		b.Evaluate(fmt.Sprintf(send, file), nil)
		same(t, answerOn(b), said(t, write(t, what+".jpg", string(jpeg)), m))
		b.Evaluate(fmt.Sprintf(send, `transfer.setData("text/plain", "https://example.com/lunch.jpg")`), nil)
		if got := answerOn(b); !strings.Contains(got.Status, "no file") {
			t.Errorf("%s text: %s", what, got.Status)
		}
	}
	quiet(t, b)
}

// So do pages of a model with a backbone, and of a network of others.
func TestDemoOfOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("no time for a browser")
	}
	photo := write(t, "red.jpg", string(photo(t, color.RGBA{255, 30, 0, 255})))
	for name, args := range map[string][]string{
		"combined": {writeCombined(t)},
		"numbers":  {"--normalize", "0..1", writeMeans(t, side)},
		"foreign":  {"--labels", write(t, "names.txt", "red\n<green>\nblue\n"), "--normalize", "0..1", writeMeans(t, side)},
	} {
		t.Run(name, func(t *testing.T) {
			b := openDemo(t, args...)
			got := answered(t, b, photo)
			if name == "numbers" { // which oi-eval does not give to its answers
				args = append(args, "--labels", write(t, "names.txt", "0\n1\n2\n"))
			}
			same(t, got, said(t, photo, args...))
			quiet(t, b)
		})
	}
}

// Networks of the size that people have answer for real photos as in oi-eval,
// and the test prints how long that takes. It keeps pictures of the pages in the
// folder OI_DEMO_SHOTS, if that is set, to be looked at.
func TestDemoOfPhotos(t *testing.T) {
	if testing.Short() {
		t.Skip("no time for a browser")
	}
	photos, err := filepath.Glob(filepath.Join(oitest.RealData(t, "openimages/images-1024px"), "*.jpg"))
	if err != nil || len(photos) == 0 {
		t.Fatal(err, photos)
	}
	for _, test := range []struct {
		name string
		args func(t *testing.T) []string
	}{
		{"from scratch", func(t *testing.T) []string {
			var b bytes.Buffer
			n := nn.Residual(128, 128, 6, 16, 1) // as oi-train makes it
			if err := n.WriteONNX(&b, "test", nil); err != nil {
				t.Fatal(err)
			}
			return []string{write(t, "scratch.onnx", b.String())}
		}},
		{"MobileNetV2", func(t *testing.T) []string {
			return []string{"--labels", oitest.Model(t, "coral_imagenet_labels.txt"), "--normalize", "-1..1", oitest.Model(t, "mnv2_qat.onnx")}
		}},
		{"OI_DEMO_MODEL", func(t *testing.T) []string {
			m := os.Getenv("OI_DEMO_MODEL")
			if m == "" {
				t.Skip("it names no model")
			}
			return []string{m}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := test.args(t)
			b := openDemo(t, args...)
			for _, photo := range photos[:min(4, len(photos))] {
				got := answered(t, b, photo)
				same(t, got, said(t, photo, args...))
				t.Logf("%s: %s", got.Seconds, got.Verdict)
			}
			quiet(t, b)
			if folder := os.Getenv("OI_DEMO_SHOTS"); folder != "" {
				shots(t, b, filepath.Join(folder, strings.ReplaceAll(test.name, " ", "_")))
			}
		})
	}
}

// shots writes what a page looks like on screens of several widths.
func shots(t *testing.T, b *oitest.Browser, path string) {
	t.Helper()
	for _, width := range []int{400, 800, 1600} {
		for scheme, dark := range map[string]bool{"light": false, "dark": true} {
			b.Show(width, 1000, dark)
			if err := os.WriteFile(fmt.Sprintf("%s-%d-%s.png", path, width, scheme), b.Screenshot(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What --demo cannot do is said before anything is written.
func TestDemoUsage(t *testing.T) {
	m := writeModel(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{m, "--demo", "page.htm"}, ".html"},
		{[]string{m, "lunch.jpg", "--demo", "page.html"}, "lunch.jpg is too much"},
		{[]string{m, "--demo", "page.html", "--info"}, "--info"},
		{[]string{m, "--demo", "page.html", "--emit"}, "--emit"},
		{[]string{writeMeans(t, side), "--demo", "page.html"}, "--normalize"},
		{[]string{filepath.Join(t.TempDir(), "none.onnx"), "--demo", "page.html"}, "none.onnx"},
	} {
		t.Chdir(t.TempDir())
		code, stdout, stderr := eval(t, nil, test.args...)
		if code == 0 || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%v: %d %q %q", test.args, code, stdout, stderr)
		}
		if _, err := os.Stat("page.html"); err == nil {
			t.Errorf("%v: there is a page", test.args)
		}
	}
}
