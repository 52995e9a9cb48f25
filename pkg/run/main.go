package run

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"

	"fondaco.dev/pkg/env"
	"fondaco.dev/pkg/zlog"
)

// Main is the whole of a service's main function: settings from the
// environment, a logger, and serve until SIGINT or SIGTERM. A second signal
// ends the process at once. Exit codes: 0 stopped, 1 failed, 2 bad settings.
func Main[C any](service string, load func(env.Lookup) (C, error), serve func(context.Context, C, *zlog.Logger) error) {
	cfg, err := load(os.LookupEnv)
	reader := env.New(os.LookupEnv)
	logCfg := zlog.ConfigFromEnv(reader)
	if logErr := reader.Err(); err == nil {
		err = logErr
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", service, err)
		os.Exit(2)
	}
	log, err := zlog.New(logCfg, service, os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", service, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := serve(ctx, cfg, log); err != nil {
		log.Error("stopped", zap.Error(err))
		os.Exit(1)
	}
}
