package filelock_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/opensandwich/oi/cmd/internal/filelock"
)

func TestTry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := filelock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := filelock.Try(path); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("got %v, want ErrHeld", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
	// One that a dead process left behind locks nothing.
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if lock, err = filelock.Try(path); err != nil {
		t.Fatal(err)
	}
	// Nor does it matter if somebody removes it.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
	if _, err := filelock.Try(filepath.Join(path, "nowhere")); err == nil || errors.Is(err, filelock.ErrHeld) {
		t.Errorf("got %v", err)
	}
}

func TestAcquireEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := filelock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := filelock.Acquire(ctx, path); !errors.Is(err, filelock.ErrHeld) || !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

// TestAcquireFunc: who waits is called each time that the lock is held, and may
// end the wait.
func TestAcquireFunc(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := filelock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	if _, err := filelock.AcquireFunc(path, func() error { return enough }); err != enough { // as it is
		t.Errorf("got %v, want the error of held", err)
	}
	calls := 0
	second, err := filelock.AcquireFunc(path, func() error {
		if calls++; calls == 3 {
			return first.Release()
		}
		return nil
	})
	if err != nil || calls != 3 {
		t.Fatalf("got %v after %d calls, want 3", err, calls)
	}
	if err := second.Release(); err != nil {
		t.Error(err)
	}
}

// TestFile: a file that is locked to be written stays when it is closed.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	lock, err := filelock.Try(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.File().WriteString("text"); err != nil {
		t.Fatal(err)
	}
	if _, err := filelock.Try(path); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("got %v, want ErrHeld", err)
	}
	if err := lock.File().Close(); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "text" {
		t.Errorf("%q, %v", data, err)
	}
	if lock, err = filelock.Try(path); err != nil {
		t.Fatalf("after closing: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// TestOneAtATime counts in a file, which nothing but the lock guards.
func TestOneAtATime(t *testing.T) {
	dir := t.TempDir()
	path, number := filepath.Join(dir, "lock"), filepath.Join(dir, "number")
	if err := os.WriteFile(number, []byte("0"), 0o666); err != nil {
		t.Fatal(err)
	}
	count := func() error {
		lock, err := filelock.Acquire(t.Context(), path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(number)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(data))
		if err != nil {
			return err
		}
		return errors.Join(os.WriteFile(number, []byte(strconv.Itoa(n+1)), 0o666), lock.Release())
	}
	const workers, times = 8, 25
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range times {
				if err := count(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if data, err := os.ReadFile(number); err != nil || string(data) != strconv.Itoa(workers*times) {
		t.Errorf("counted to %s, want %d: %v", data, workers*times, err)
	}
}
