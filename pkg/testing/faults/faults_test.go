package faults

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"nopea.io/nopea/pkg/testing/localcluster"
	"nopea.io/nopea/pkg/testing/sandbox"
)

const (
	// seedsVariable is how many seeds to run, or from which to which: "80", "1-300".
	seedsVariable = "NOPEA_FAULT_SEEDS"
	// seedVariable is the one seed to run.
	seedVariable = "NOPEA_FAULT_SEED"
)

// everything is shared by the seeds.
var everything *world

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "nopea-faults-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cluster, err := localcluster.Start(background(), localcluster.Options{Dir: filepath.Join(dir, "cluster")})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code, err := runOn(m, cluster, dir)
	if err = errors.Join(err, cluster.Stop()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if code != 0 {
		fmt.Fprintf(os.Stderr, "All logs and data are in %s\n", dir)
	} else if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func runOn(m *testing.M, cluster *localcluster.Cluster, dir string) (code int, err error) {
	w, err := newWorld(cluster, dir)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	options := sandbox.Options{Cluster: cluster, Dir: filepath.Join(dir, "nopea"), ControllerArgs: []string{"--kubeconfig=" + w.controllerKubeconfig}}
	return sandbox.Main(m, options, func(s *sandbox.Sandbox) {
		w.use(s)
		everything = w
	}), nil
}

func TestFaults(t *testing.T) {
	from, to, err := seeds(os.Getenv(seedsVariable), os.Getenv(seedVariable))
	if err != nil {
		t.Fatal(err)
	}
	w := everything
	stop := w.keepAlive()
	began := time.Now()
	for seed := from; seed <= to; seed++ {
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			s := newScenario(t, w, seed)
			t.Log(s)
			s.run()
		})
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	count := to - from + 1
	t.Logf("%d seeds, %s each", count, (time.Since(began) / time.Duration(count)).Round(10*time.Millisecond))
	fmt.Print(w.hits.table())
	for _, step := range w.hits.missed() {
		if count >= len(steps) {
			t.Errorf("step %q was never hit", step)
		}
	}
}

// seeds to run.
func seeds(several, one string) (from, to int, err error) {
	if one != "" {
		several = one + "-" + one
	}
	first, last, isRange := strings.Cut(cmp.Or(several, strconv.Itoa(len(steps))), "-")
	if !isRange {
		first, last = "1", first
	}
	from, err = strconv.Atoi(first)
	if err == nil {
		to, err = strconv.Atoi(last)
	}
	if err != nil || from < 1 || to < from {
		return 0, 0, fmt.Errorf("%s is a count such as 80 or a range such as 1-300, %s is a number; they are %q and %q", seedsVariable, seedVariable, several, one)
	}
	return from, to, nil
}

func TestSeeds(t *testing.T) {
	for _, test := range []struct {
		several, one string
		from, to     int
		bad          bool
	}{
		{"", "", 1, len(steps), false}, {"80", "", 1, 80, false}, {"21-40", "", 21, 40, false}, {"", "17", 17, 17, false},
		{"0", "", 0, 0, true}, {"9-3", "", 0, 0, true}, {"", "x", 0, 0, true},
	} {
		from, to, err := seeds(test.several, test.one)
		if from != test.from || to != test.to || (err != nil) != test.bad {
			t.Errorf("%q %q: %d to %d, %v", test.several, test.one, from, to, err)
		}
	}
}

func listen(handler http.Handler) (*http.Server, string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	}()
	return server, "http://" + listener.Addr().String(), nil
}
