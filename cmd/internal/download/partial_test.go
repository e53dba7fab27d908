package download

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opensandwich/oi/cmd/internal/filelock"
)

// TestWaitsForAnotherProcess: a file that another process is downloading is
// waited for, which is said once, and asked for only if it does not come.
func TestWaitsForAnotherProcess(t *testing.T) {
	var asked atomic.Int32
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		io.WriteString(w, csvText) // the client will notice
	})
	stop := errors.New("stop")
	for name, tt := range map[string]struct {
		then  func(s *Client, other *filelock.Lock) error // after two pauses
		asked int32
		err   error
	}{
		"the process dies": {func(_ *Client, other *filelock.Lock) error { return other.File().Close() }, 1, nil},
		"the file comes":   {func(s *Client, _ *filelock.Lock) error { return os.WriteFile(s.name(csvPath), []byte(csvText), 0o666) }, 0, nil},
		"the process finishes": {func(s *Client, other *filelock.Lock) error {
			if _, err := other.File().WriteString(csvText); err != nil {
				return err
			}
			return errors.Join(os.Rename(partialName(s.name(csvPath)), s.name(csvPath)), other.File().Close())
		}, 0, nil},
		"the run is cancelled": {func(*Client, *filelock.Lock) error { return stop }, 0, stop},
	} {
		t.Run(name, func(t *testing.T) {
			asked.Store(0)
			said, pauses := 0, 0
			var s *Client
			var other *filelock.Lock
			s, err := New(base, t.TempDir(), Catalogue{}, Options{
				Waiting: func(path string) {
					if said++; path != csvPath {
						t.Errorf("waiting for %s", path)
					}
				},
				Sleep: func(context.Context, time.Duration) error {
					if pauses++; pauses == 2 {
						return tt.then(s, other)
					}
					return nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(s.name(csvPath)), 0o777); err != nil {
				t.Fatal(err)
			}
			if other, err = filelock.Try(partialName(s.name(csvPath))); err != nil {
				t.Fatal(err)
			}
			defer other.File().Close() // some have closed it
			file, err := openWhole(t.Context(), s, csvPath)
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if said != 1 || pauses != 2 || asked.Load() != tt.asked {
				t.Errorf("said so %d times in %d pauses, asked %d times, want 1, 2 and %d", said, pauses, asked.Load(), tt.asked)
			}
			if err != nil {
				return
			}
			data, err := io.ReadAll(file)
			if err := errors.Join(err, file.Close()); err != nil || string(data) != csvText {
				t.Errorf("%q, %v", data, err)
			}
			if tt.asked > 0 {
				if _, err := os.Stat(partialName(s.name(csvPath))); err == nil {
					t.Error("the partial file was left")
				}
			}
		})
	}
}
