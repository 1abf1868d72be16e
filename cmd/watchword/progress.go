package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress shows how far a long command is: a bar that moves where standard
// error is a terminal, else a line now and then.
type progress struct {
	out   io.Writer
	bar   bool
	begun time.Time
	shown time.Time
	open  bool // the bar's line has not ended
}

// How often something is shown.
const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 10 * time.Second
	barWidth  = 30
)

func newProgress(out io.Writer) *progress {
	f, ok := out.(*os.File)
	now := time.Now()
	return &progress{out: out, bar: ok && term.IsTerminal(int(f.Fd())), begun: now, shown: now}
}

// show is told how far it is.
func (p *progress) show(done, total int) {
	now := time.Now()
	every := lineEvery
	if p.bar {
		every = barEvery
	}
	if now.Sub(p.shown) < every && (!p.bar || done < total) {
		return
	}
	p.shown = now
	rate := float64(done) / max(now.Sub(p.begun).Seconds(), 0.001)
	text := fmt.Sprintf("%d of %d users, %.0f/s", done, total, rate)
	if done < total {
		left := time.Duration(float64(total-done) / rate * float64(time.Second))
		text += ", " + left.Round(time.Second).String() + " left"
	}
	if !p.bar {
		fmt.Fprintln(p.out, text)
		return
	}
	filled := barWidth
	if total > 0 {
		filled = barWidth * min(done, total) / total
	}
	fmt.Fprintf(p.out, "\r[%s%s] %s\x1b[K", strings.Repeat("=", filled), strings.Repeat(" ", barWidth-filled), text)
	p.open = true
}

// end ends the bar's line.
func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.out)
	}
}
