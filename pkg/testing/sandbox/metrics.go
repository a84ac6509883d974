package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Counter reads a metric without labels that the controller serves.
func (s *Sandbox) Counter(ctx context.Context, name string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	values, err := Metrics(ctx, address(s.ports.controller))
	if err != nil {
		return 0, err
	}
	value, ok := values[name]
	if !ok {
		return 0, fmt.Errorf("the controller has no metric %s", name)
	}
	return value, nil
}

// Metrics are what a controller serves at an address: name and labels to value.
func Metrics(ctx context.Context, address string) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read the controller's metrics: %w", err)
	}
	defer response.Body.Close()
	values := make(map[string]float64)
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		at := strings.LastIndexByte(lines.Text(), ' ')
		if at < 0 || strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		value, err := strconv.ParseFloat(lines.Text()[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("read the controller's metrics: %w", err)
		}
		values[lines.Text()[:at]] = value
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the controller's metrics: %w", err)
	}
	return values, nil
}
