package main

import (
	"context"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	farName = "far"
	// farDelay is half of a round trip to the Git server.
	farDelay = 10 * time.Millisecond
	// farFiles of farFileSize bytes each make up the repository, beside what is applied.
	farFiles, farFileSize = 20_000, 25_000
	// farAtOnce is how many of them are committed at a time.
	farAtOnce = 1000
)

// farRow measures row 19: the push of row 15 where the Git server speaks TLS, is some way off, and serves a large repository.
func farRow(ctx context.Context, b *bench) (err error) {
	far, err := startFar(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, far.stop()) }()
	return b.inWorld(ctx, farName, func(ctx context.Context, w *world) error {
		far.target.Store("http://" + w.git.address)
		w.git = &gitServer{cmd: w.git.cmd, calls: w.git.calls, address: far.address(), scheme: "https"}
		say("Row 19: making a repository of %d files, %d MB", farFiles, farFiles*farFileSize/1_000_000)
		for chunk := range slices.Chunk(make([]struct{}, farFiles), farAtOnce) {
			files := make(map[string]string, len(chunk))
			for range chunk {
				text := make([]byte, farFileSize/2)
				for i := range text {
					text[i] = byte(rand.Uint32())
				}
				name := hex.EncodeToString(text[:8])
				files["large/"+name[:2]+"/"+name+".txt"] = hex.EncodeToString(text)
			}
			if _, err := w.git.commit(ctx, farName, files); err != nil {
				return err
			}
		}
		say("Row 19: first sync")
		h, err := w.hooked(ctx, farName)
		if err != nil {
			return err
		}
		defer h.events.Stop()
		floor, err := w.floor(ctx, farName+"-floor", hookedFiles, hookedFiles)
		if err != nil {
			return err
		}
		defer floor.events.Stop()
		say("Row 19: %d pushes", b.rounds)
		var all, floors []time.Duration
		for i := range b.rounds {
			took, err := h.push(ctx, h.direct(), fmt.Sprintf("far-%d", i))
			if err != nil {
				return err
			}
			all = append(all, took)
			if took, err = floor.round(ctx, fmt.Sprintf("value-%d", i)); err != nil {
				return fmt.Errorf("the floor: %w", err)
			}
			floors = append(floors, took)
		}
		b.add(line{Row: 19, Work: fmt.Sprintf("row 15 with TLS, %s for a round trip to Git, and a repository of %d files, %d MB (the floor's is small)",
			2*farDelay, farFiles, farFiles*farFileSize/1_000_000), Unit: "ms", Samples: milliseconds(all), Floor: milliseconds(floors)})
		return nil
	})
}

// far is a way to the Git server: TLS, and some distance before it.
type far struct {
	target   atomic.Value // of string
	server   *httptest.Server
	listener net.Listener
	work     sync.WaitGroup
}

// startFar has this process, and those that it starts from now on, trust the certificate.
func startFar(ctx context.Context, dir string) (*far, error) {
	f := &far{}
	f.server = httptest.NewTLSServer(&httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			if target, err := url.Parse(f.target.Load().(string)); err == nil {
				r.SetURL(target)
			}
		},
	})
	file := filepath.Join(dir, "authority.pem")
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.server.Certificate().Raw})
	if err := errors.Join(os.WriteFile(file, authority, 0o600), os.Setenv("SSL_CERT_FILE", file)); err != nil {
		return nil, fmt.Errorf("have the Git server's certificate trusted: %w", err)
	}
	var err error
	if f.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("listen for the Git server: %w", err)
	}
	f.work.Go(func() {
		for {
			client, err := f.listener.Accept()
			if err != nil {
				return
			}
			f.work.Go(func() { f.serve(ctx, client) })
		}
	})
	return f, nil
}

func (f *far) address() string { return f.listener.Addr().String() }

func (f *far) stop() error {
	err := f.listener.Close()
	f.server.CloseClientConnections()
	f.server.Close()
	http.DefaultClient.CloseIdleConnections()
	f.work.Wait()
	return err
}

func (f *far) serve(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", f.server.Listener.Addr().String())
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			late(way[1], way[0])
			_, _ = way[0].Close(), way[1].Close()
		})
	}
	both.Wait()
}

// late copies, and what it copies arrives a while after it was sent, however much is on the way.
func late(to io.Writer, from io.Reader) {
	type parcel struct {
		data []byte
		due  time.Time
	}
	way := make(chan parcel, 1024)
	var arrivals sync.WaitGroup
	arrivals.Go(func() {
		broken := false
		for p := range way {
			time.Sleep(time.Until(p.due))
			if !broken {
				_, err := to.Write(p.data)
				broken = err != nil
			}
		}
	})
	for {
		data := make([]byte, 64<<10)
		n, err := from.Read(data)
		if n > 0 {
			way <- parcel{data[:n], time.Now().Add(farDelay)}
		}
		if err != nil {
			break
		}
	}
	close(way)
	arrivals.Wait()
}
