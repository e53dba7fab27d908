//go:build windows

// Command helper does to a command what only a program of Windows can do.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "helper:", err)
		os.Exit(1)
	}
}

func run(what string, args []string) error {
	switch what {
	case "pipe":
		return pipe(args)
	case "leave":
		return leave(args[0], command(args[1:]))
	case "hold":
		return hold(args[0], command(args[1:]))
	case "wait":
		return wait(args[0], command(args[1:]))
	}
	return fmt.Errorf("what is %s?", what)
}

func command(args []string) *exec.Cmd {
	c := exec.Command(args[0], args[1:]...)
	c.Stderr = os.Stderr
	return c
}

// pipe runs commands, between which stands a word "to", on pipes of Windows.
func pipe(args []string) error {
	var all []*exec.Cmd
	for rest := args; rest != nil; {
		this := rest
		if i := slices.Index(rest, "to"); i >= 0 {
			this, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		all = append(all, command(this))
	}
	all[len(all)-1].Stdout = os.Stdout
	for i, c := range all[1:] {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		all[i].Stdout, c.Stdin = w, r
	}
	for i, c := range all {
		if err := c.Start(); err != nil {
			return err
		}
		if i > 0 {
			c.Stdin.(*os.File).Close()
		}
		if i < len(all)-1 {
			c.Stdout.(*os.File).Close()
		}
	}
	for _, c := range all {
		said(c.Wait(), c)
	}
	return nil
}

// leave reads so many bytes of what a command writes, and no more.
func leave(bytes string, c *exec.Cmd) error {
	n, err := strconv.ParseInt(bytes, 10, 64)
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	c.Stdout = w
	if err := c.Start(); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, r, n); err != nil {
		return err
	}
	if err := r.Close(); err != nil {
		return err
	}
	said(c.Wait(), c)
	return nil
}

// hold runs a command while a file is open that is not shared.
func hold(name string, c *exec.Cmd) error {
	path, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return err
	}
	file, err := syscall.CreateFile(path, syscall.GENERIC_READ, 0, nil, syscall.OPEN_EXISTING, 0, 0)
	if err != nil {
		return err
	}
	said(c.Run(), c)
	return syscall.CloseHandle(file)
}

// wait runs a command whose input never ends, and says when a file is there.
func wait(name string, c *exec.Cmd) error {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // is for the command
	if _, err := c.StdinPipe(); err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		if _, err := os.Stat(name); err == nil {
			break
		}
		select {
		case err := <-ended:
			return fmt.Errorf("%s without %s: %w", c.Args[0], name, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	fmt.Println("it waits")
	said(<-ended, c)
	return nil
}

// said says how a command ended.
func said(err error, c *exec.Cmd) {
	fmt.Printf("%s: exit %d (%v)\n", c.Args[0], c.ProcessState.ExitCode(), err)
}
