package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"nopea.io/nopea/pkg/testing/githttp"
)

// The Git server is a process of its own, so that what it costs is told apart: this program, started again. Both talk over its standard
// input and output; when the input closes, it ends.

const (
	gitCommand = "git-server"
	gitName    = "Git"
)

func gitServerCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:    gitCommand,
		Short:  "What this program runs as its Git server",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return serveGit(dir) },
	}
	cmd.Flags().StringVar(&dir, "dir", "", "folder of the repositories")
	return cmd
}

// Commit asks for a commit of files, path to content, to a repository, which is made if there is none.
type Commit struct {
	Repo  string
	Files map[string]string
}

// GitRequest is a request that the Git server got.
type GitRequest struct {
	Repo, Command string
	Received      time.Time
}

// service is what the Git server's process does for the one that measures.
type service struct {
	server *githttp.Server

	mu       sync.Mutex
	repos    map[string]*githttp.Repo
	requests []GitRequest
}

func serveGit(dir string) error {
	server, err := githttp.Start(githttp.Options{Dir: dir})
	if err != nil {
		return fmt.Errorf("start the Git server: %w", err)
	}
	s := &service{server: server, repos: make(map[string]*githttp.Repo)}
	server.SetFault(func(r githttp.Request) *githttp.Fault {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests = append(s.requests, GitRequest{Repo: r.Repo, Command: r.Command, Received: time.Now()})
		return nil
	})
	calls := rpc.NewServer()
	if err := calls.RegisterName(gitName, s); err != nil {
		return errors.Join(err, server.Close())
	}
	calls.ServeCodec(jsonrpc.NewServerCodec(pipe{os.Stdin, os.Stdout}))
	return server.Close()
}

// Address returns where the server listens.
func (s *service) Address(_ struct{}, address *string) error {
	*address = s.server.Address()
	return nil
}

// Commit makes a commit and returns its id.
func (s *service) Commit(c Commit, id *string) error {
	repo, err := s.repo(c.Repo)
	if err != nil {
		return err
	}
	*id, err = repo.Commit(c.Files)
	return err
}

func (s *service) repo(name string) (*githttp.Repo, error) {
	s.mu.Lock()
	repo := s.repos[name]
	s.mu.Unlock()
	if repo != nil {
		return repo, nil
	}
	repo, err := s.server.CreateRepo(name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repos[name] = repo
	return repo, nil
}

// Take returns the requests since it was called last.
func (s *service) Take(_ struct{}, requests *[]GitRequest) error {
	s.server.TakeRequests() // they carry no time, and are not to pile up
	s.mu.Lock()
	defer s.mu.Unlock()
	// No requests are an empty list: JSON-RPC takes null for no answer.
	*requests, s.requests = append([]GitRequest{}, s.requests...), nil
	return nil
}

// gitServer is the process, as the one that measures sees it.
type gitServer struct {
	cmd     *exec.Cmd
	calls   *rpc.Client
	address string
	// scheme is http, unless something is in between.
	scheme string
}

func startGit(dir string) (*gitServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own file: %w", err)
	}
	cmd := exec.Command(self, gitCommand, "--dir="+dir)
	cmd.Stderr = os.Stderr
	// Ctrl-C in a terminal is for the process that measures.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, inErr := cmd.StdinPipe()
	stdout, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr); err != nil {
		return nil, fmt.Errorf("start the Git server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the Git server: %w", err)
	}
	g := &gitServer{cmd: cmd, calls: jsonrpc.NewClient(pipe{stdout, stdin})}
	if err := g.calls.Call(gitName+".Address", struct{}{}, &g.address); err != nil {
		return nil, errors.Join(fmt.Errorf("start the Git server: %w", err), g.stop())
	}
	return g, nil
}

func (g *gitServer) stop() error {
	err := g.calls.Close()
	if waitErr := g.cmd.Wait(); waitErr != nil {
		err = errors.Join(err, fmt.Errorf("the Git server ended badly: %w", waitErr))
	}
	return err
}

func (g *gitServer) url(repo string) string {
	return cmp.Or(g.scheme, "http") + "://" + g.address + "/" + repo + ".git"
}

func (g *gitServer) commit(ctx context.Context, repo string, files map[string]string) (string, error) {
	var id string
	call := g.calls.Go(gitName+".Commit", Commit{Repo: repo, Files: files}, &id, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if call.Error != nil {
		return "", fmt.Errorf("commit to repository %s: %w", repo, call.Error)
	}
	return id, nil
}

// take returns the requests to the server since it was called last.
func (g *gitServer) take() ([]GitRequest, error) {
	var requests []GitRequest
	if err := g.calls.Call(gitName+".Take", struct{}{}, &requests); err != nil {
		return nil, fmt.Errorf("ask the Git server for its requests: %w", err)
	}
	return requests, nil
}

type pipe struct {
	io.ReadCloser
	io.WriteCloser
}

// Close closes the end that is written to, which ends the other process.
func (p pipe) Close() error { return p.WriteCloser.Close() }
