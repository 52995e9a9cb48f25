package house

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"go.uber.org/zap"

	"fondaco.dev/deploy/fondaco/internal/bot"
	"fondaco.dev/deploy/fondaco/internal/operator"
	"fondaco.dev/pkg/bus"
	"fondaco.dev/pkg/embedded/child"
	"fondaco.dev/proto/config"
	identityv1 "fondaco.dev/proto/identity/v1"
	ordersv1 "fondaco.dev/proto/orders/v1"
	"fondaco.dev/proto/topology"
	"fondaco.dev/services/devnet"
)

// demoGrant is what every bot's account begins with of each asset, in whole units.
const demoGrant = "1000000"

func devnetService() Service { return service("devnet", devnet.ConfigFromEnv, devnet.Run) }

// startChains runs the devnet of the demo and writes the configuration that
// points at it. Its ports are the usual ones of such nodes where those are
// free, so that other tools find them.
func (h *house) startChains(ctx context.Context) error {
	ports := map[string]string{
		"FONDACO_DEVNET_EVM_HTTP": "127.0.0.1:8545", "FONDACO_DEVNET_EVM_WS": "127.0.0.1:8546",
		"FONDACO_DEVNET_CASPER_SSE": "127.0.0.1:9999", "FONDACO_DEVNET_CASPER_RPC": "127.0.0.1:7777",
	}
	values := map[string]string{
		"FONDACO_DEVNET_DATA_DIR":   h.dir.Path("devnet"),
		"FONDACO_DEVNET_CONFIG_DIR": "",
		"FONDACO_DEVNET_SEED":       "demo-" + strconv.Itoa(h.settings.seed),
	}
	for name, usual := range ports {
		addr, err := h.devnetAddr(name, usual)
		if err != nil {
			return err
		}
		values[name] = addr
	}
	cfg, err := devnet.ConfigFromEnv(wired(values, h.settings.lookup))
	if err != nil {
		return err
	}
	path, err := devnet.WriteConfig(h.dir.Path("demo"), devnet.Endpoints{
		CasperSSE: "http://" + cfg.CasperSSE, CasperRPC: "http://" + cfg.CasperRPC + "/rpc",
		EVMHTTP: "http://" + cfg.EVMHTTP, EVMWS: "ws://" + cfg.EVMWS, ChainID: uint64(cfg.ChainID),
	})
	if err != nil {
		return err
	}
	if h.file, err = config.Load(path); err != nil {
		return err
	}
	if err := h.startService(devnetService(), h.chains, values); err != nil {
		return err
	}
	listening(ctx, cfg.EVMHTTP, cfg.EVMWS, cfg.CasperSSE, cfg.CasperRPC)
	return nil
}

// devnetAddr is where one of the nodes listens: as told, else at the usual
// address when it is free, else anywhere. A temporary house never takes the
// usual ones.
func (h *house) devnetAddr(name, usual string) (string, error) {
	if v, ok := h.settings.lookup(name); ok && v != "" {
		return v, nil
	}
	if !h.dir.Temporary() {
		if ln, err := net.Listen("tcp", usual); err == nil {
			return usual, ln.Close()
		}
	}
	port, err := child.FreePort()
	return fmt.Sprintf("127.0.0.1:%d", port), err
}

// openingAuction is how long the demo's last market collects orders before it
// opens.
const openingAuction = 20 * time.Second

// openMarkets begins the last market of the demo with a call auction, at every
// start; the others trade at once.
func (h *house) openMarkets(ctx context.Context) error {
	b, err := h.operatorBus(ctx, "fondaco demo")
	if err != nil {
		return err
	}
	defer b.Close()
	for {
		dir, err := operator.ReadDirectory(ctx, b, h.file.Venue)
		if err != nil {
			return err
		}
		if m, err := dir.Market(h.file.Markets[len(h.file.Markets)-1].Symbol); err == nil {
			return operator.SetPhase(ctx, b, h.file.Venue, m.Market, ordersv1.Phase_PHASE_AUCTION, time.Now().Add(openingAuction).UnixMilli(), ordersv1.Phase_PHASE_CONTINUOUS)
		}
		select { // the order book is still adding the configuration's markets
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (h *house) operatorBus(ctx context.Context, name string) (*bus.Bus, error) {
	return bus.Connect(ctx, bus.Config{
		URL: h.infra.NATSURL(), User: topology.UserOperator, Password: h.infra.NATSPassword(topology.UserOperator), Name: name,
	}, h.log.Logger)
}

// startBots lets the bots trade for as long as the api takes orders.
func (h *house) startBots() {
	base := h.run().HTTP
	h.intake.start("bots", func(ctx context.Context) error {
		if err := h.openMarkets(ctx); err != nil && ctx.Err() == nil {
			// The bots trade without it.
			h.log.Warn("the opening auction did not begin", zap.Error(err))
		}
		return bot.Run(ctx, bot.Config{Base: base, File: h.file, Seed: h.settings.seed, Tokens: h.botTokens, Log: h.log.Logger})
	})
}

// tokensFile keeps the bots' tokens, so that a restart does not issue new ones.
const tokensFile = "bots.json"

func (h *house) botTokens(ctx context.Context, names []string, fresh bool) (map[string]string, error) {
	path := h.dir.Path(tokensFile)
	tokens := map[string]string{}
	data, err := os.ReadFile(path)
	if err == nil && !fresh && json.Unmarshal(data, &tokens) == nil && len(tokens) == len(names) {
		return tokens, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the bots' tokens: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	b, err := h.operatorBus(ctx, "fondaco bots")
	if err != nil {
		return nil, err
	}
	defer b.Close()
	var grants []string
	for _, a := range h.file.Assets {
		grants = append(grants, a.Name+"="+demoGrant)
	}
	deposits, err := operator.ParseDeposits(grants, h.file)
	if err != nil {
		return nil, err
	}
	tokens = map[string]string{}
	for _, name := range names {
		made, err := operator.CreateAccount(ctx, b, operator.Account{Name: name, Role: identityv1.Role_ROLE_TRADER, Venue: h.file.Venue, Deposits: deposits})
		if err != nil {
			return nil, err
		}
		tokens[name] = made.Token
	}
	data, err = json.Marshal(tokens)
	if err != nil {
		return nil, fmt.Errorf("encoding the bots' tokens: %w", err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return nil, fmt.Errorf("keeping the bots' tokens: %w", err)
	}
	return tokens, nil
}
