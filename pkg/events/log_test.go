package events

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
	testingclock "k8s.io/utils/clock/testing"
)

func TestNothingSecretIsLogged(t *testing.T) {
	before := newTally(t)
	var logged lockedBuffer
	logger := textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(&logged), textlogger.Verbosity(10)))
	noisy := newRecorder(t, func(_ int, w http.ResponseWriter) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "C4N4RY of the answer")
	})
	garbled, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = garbled.Close() })
	go func() {
		for {
			conn, err := garbled.Accept()
			if err != nil {
				return
			}
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				fmt.Fprint(conn, "C4N4RY is no HTTP\r\n\r\n")
			}
			_ = conn.Close()
		}
	}()
	clock := testingclock.NewFakeClock(noon)
	d := NewDispatcher(Options{Clock: clock, Expiry: time.Second})
	stop := runIn(klog.NewContext(t.Context(), logger), t, d)
	with := func(host string) string { return "http://C4N4RY:C4N4RY@" + host + "/C4N4RY?token=C4N4RY#C4N4RY" }
	for _, sink := range []Sink{
		{with(noisy.Listener.Addr().String()), true},
		{with(garbled.Addr().String()), true},
		{with("127.0.0.1:1"), true},
		{with("127.0.0.1:1"), false},
		{with("bad host"), false},
	} {
		d.Send(sink, deployed(t))
	}
	eventually(t, "each was tried, and that is said", func() bool { return strings.Count(logged.String(), "does not accept events") == 4 })
	clock.Step(time.Second)
	eventually(t, "all are dropped", func() bool { return before.since(t, resultRejected) == 3 && before.since(t, resultExpired) == 2 })
	stop()
	if text := logged.String(); strings.Contains(text, "C4N4RY") {
		t.Errorf("a secret is logged:\n%s", text)
	}
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
