// Code generated from openapi.yaml by internal/clientgen; DO NOT EDIT.

import { Caller, prefixed, segment } from "./http.js";
import type { Options } from "./http.js";

export interface AmendElement {
  op: "amend";
  client_order_id?: string | null;
  client_ref?: string | number | null;
  id?: string | number | null;
  /** A decimal above 0 without an exponent. */
  price?: string | null;
  /** A decimal above 0 without an exponent. */
  quantity?: string | null;
}

export type AnyBlock = Block | CasperSignedBlock;

export type AnyListedBlock = ListedBlock | CasperSignedBlock;

export interface Auction {
  seq: number;
  /** null: nothing crossed. */
  price: string | null;
  volume: string;
  /** Bought minus sold that was left over. */
  surplus: string;
  reference: string | null;
  began_at: string;
  at: string;
  duration_ms: number;
  input_digest: string;
}

export interface AuctionList {
  data: Auction[];
  /** The cursor of what follows; null when nothing does. */
  next: string | null;
  /** Whether there is more now. */
  more: boolean;
}

export interface Balance {
  asset: string;
  available: string;
  reserved: string;
}

export interface BalanceList {
  data: Balance[];
  /** The cursor of what follows; null when nothing does. */
  next: string | null;
  /** Whether there is more now. */
  more: boolean;
}

export type Batch = BatchElement[];

export type BatchElement = PlaceElement | CancelElement | AmendElement | ReplaceElement | PairElement;

/** A block of an EVM network. */
export interface Block {
  network: string;
  number: number;
  hash: string;
  parent_hash: string;
  time: number;
  tx_count: number;
  /** Logs that the network's filter matched. */
  log_count: number;
  finalized: boolean;
}

export interface CancelElement {
  op: "cancel";
  client_order_id?: string | null;
  client_ref?: string | number | null;
  id?: string | number | null;
}

export interface Canceled {
  /** So far. */
  canceled: number;
}

export interface Candle {
  symbol: string;
  interval: Interval;
  open_at: string;
  open: string;
  high: string;
  low: string;
  close: string;
  volume: string;
  quote_volume: string;
  trades: number;
}

export interface CandleList {
  data: Candle[];
  /** The cursor of what follows; null when nothing does. */
  next: string | null;
  /** Whether there is more now. */
  more: boolean;
}

export interface CasperAccount {
  network: string;
  account_hash: string;
  /** null: never seen; a hash does not tell it. */
  public_key: string | null;
  first_seen: string;
  first_block: number | null;
  deploys: number;
  transfers_in: number;
  transfers_out: number;
}

export interface CasperBlock {
  blockHash: string;
  parentHash: string;
  timestamp: string;
  eraId: number;
  proposer: string;
  state: "added";
  height: number;
  deploys: string[];
  deployCount: number;
  stateRootHash: string;
}

export interface CasperBlockPage {
  data: CasperBlock[];
  pageCount: number;
  itemCount: number;
  pages: CasperPageLink[];
}

export interface CasperDeploy {
  deployHash: string;
  account: string;
  state: string;
  /** A number up to 2^53-1, a string above, null while it is unknown. */
  cost: number | string | null;
  costMotes: string | null;
  errorMessage: string | null;
  blockHash: string | null;
  timestamp: string;
  transfers: string[];
  version?: string;
}

export interface CasperDeployPage {
  data: CasperDeploy[];
  pageCount: number;
  itemCount: number;
  pages: CasperPageLink[];
}

/** What a contract said; one of text and bytes is set. */
export interface CasperMessage {
  network: string;
  transaction_hash: string;
  index: number;
  entity: string;
  entity_name: string;
  topic: string;
  topic_hash: string;
  topic_index: string;
  block_index: string;
  text: string | null;
  /** Hex. */
  bytes: string | null;
  block_hash: string;
  timestamp: string;
}

export interface CasperMessageList {
  data: CasperMessage[];
  /** The cursor of what follows; null when nothing does. */
  next: string | null;
  /** Whether there is more now. */
  more: boolean;
}

export interface CasperPageLink {
  number: number;
  url: string;
}

/** A block of a Casper network, with the number of validators whose finality signature of it is stored. */
export interface CasperSignedBlock {
  blockHash: string;
  parentHash: string;
  timestamp: string;
  eraId: number;
  proposer: string;
  state: "added";
  height: number;
  deploys: string[];
  deployCount: number;
  stateRootHash: string;
  signatures: number;
}

export interface CasperTransfer {
  transferHash: string;
  deployHash: string;
  blockHash: string;
  fromAccount: string;
  toAccount: string | null;
  sourcePurse: string;
  targetPurse: string;
  amount: string;
  gas: string;
  id: string | null;
  timestamp: string;
}

export type ChangedOrder = Order | OrderResult;

/** A Postgres server, and how far it is. lag_ms is for how long it has lacked something that the primary holds. */
export interface DatabaseServer {
  name: string;
  role: "primary" | "replica";
  serving: boolean;
  lag_ms: number | null;
  positions: Record<string, unknown>;
  behind?: Record<string, unknown>;
  reason?: string;
  replay_age_ms?: number;
}

/** seq is the id of this state of the book, the same over REST and WebSocket. checksum is the CRC-32 of the best ten levels a side, see asyncapi.json. */
export interface Depth {
  seq: number;
  bids: Level[];
  asks: Level[];
  checksum: number;
}

/** A log with its decoded arguments. args is {} and event "" when it was not decoded, and decode_error says why. */
export interface Event {
  network: string;
  block_number: number;
  block_hash: string;
  block_time: number;
  tx_hash: string;
  tx_index: number;
  log_index: number;
  address: string;
  contract: string;
  event: string;
  /** By name; whole numbers are decimal strings. */
  args: Record<string, unknown>;
  topics: string[];
  data: string;
  finalized: boolean;
  decode_error?: string;
  /** The contract's calls at the block's hash, by name. */
  reads?: Record<string, unknown>;
}

/** Nothing was changed. */
export interface Failure {
  error: FailureReason;
}

export interface FailureReason {
  code: ProblemCode;
  message: string;
  allowed?: string[];
  parameter?: string;
  retry_after_ms?: number;
}

export interface FieldError {
  field: string;
  code: ProblemCode;
  message: string;
  allowed?: string[];
}

export interface Fill {
  price: string;
  quantity: string;
  fee: string;
  trade_id: number;
}

export interface Indication {
  seq: number;
  price: string | null;
  volume: string;
  surplus: string;
  reference: string | null;
}

export type Interval = "1s" | "1m" | "5m" | "15m" | "1h" | "4h" | "1d";

export interface KeepAlive {
  timeout_ms: string | number;
}

export interface KeptAlive {
  timeout_ms: number;
}

/** Price and quantity. */
export type Level = [string, string];

/** Price and quantity. */
export type LevelOrNull = [string, string] | null;

/** A block of an EVM network in a list. */
export interface ListedBlock {
  network: string;
  number: number;
  hash: string;
  parent_hash: string;
  time: number;
  tx_count: number;
  /** Logs that the network's filter matched. */
  log_count: number;
  finalized: boolean;
  /** No longer part of the chain. */
  orphaned?: boolean;
  removed_at?: number;
}

export interface ListedBlockList {
  data: AnyListedBlock[];
  /** The cursor of what follows; null when nothing does. */
  next: string | null;
  /** Whether there is more now. */
  more: boolean;
}

/** A log with its decoded arguments. args is {} and event "" when it was not decoded, and decode_error says why. */
export interface ListedEvent {
  network: string;
  block_number: number;
  block_hash: string;
  block_time: number;
  tx_hash: string;
  tx_index: number;
  log_index: number;
  address: string;
  contract: string;
  event: string;
  /** By name; whole numbers are decimal strings. */
  args: Record<string, unknown>;
  topics: string[];
  data: string;
  finalized: boolean;
  decode_error?: string;
  /** No longer part of the chain. */
  orphaned?: boolean;
  /** The contract's calls at the block's hash, by name. */
  reads?: Record<string, unknown>;
  removed_at?: number;
}

export interface ListedEventList {
  data: ListedEvent[];
  /** The cursor of what follows; null when nothing does. */
  next: string | null;
  /** Whether there is more now. */
  more: boolean;
}

/** A pair and its rules; a limit that is null does not exist. */
export interface Market {
  symbol: string;
  base: string;
  quote: string;
  /** Prices are whole multiples of it. */
  tick: string;
  /** Quantities are whole multiples of it. */
  lot: string;
  maker_fee_ppm: number;
  taker_fee_ppm: number;
  phase: string;
  phase_ends_at: string | null;
  /** An account has orders on one side at a time. */
  one_side: boolean;
  /** After midnight UTC. */
  day_ends_ms: number;
  limits: MarketLimits;
}

export interface MarketLimits {
  min_quantity: string | null;
  max_quantity: string | null;
  min_notional: string | null;
  max_notional: string | null;
  collar_ppm: number | null;
  pause_ppm: number | null;
  pause_ms: number | null;
  reference_price: string | null;
}

export interface MarketList {
  data: Market[];
  /** The cursor of what follows; null when nothing does. */
  next: string | null;
  /** Whether there is more now. */
  more: boolean;
}

export interface Network {
  name: string;
  kind: "evm" | "casper";
  head: number | null;
  indexed: number | null;
  finalized: number | null;
  lag_blocks: number | null;
  status: "ok" | "loading" | "stopped";
  /** From here to indexed nothing that the configuration selects is missing; null: no such promise can be made. */
  complete_from: number | null;
  /** Up to here final blocks were read twice. */
  checked_to: number | null;
  /** What an absent event was excluded by. */
  assurance?: "receipts" | "headers" | "range";
  chain_id?: number;
  holes?: number;
  node_status?: string;
  /** Why the network stands still. */
  problem?: string;
}

export interface NetworkList {
  data: Network[];
  /** The cursor of what follows; null when nothing does. */
  next: string | null;
  /** Whether there is more now. */
  more: boolean;
}

export interface NewOrder {
  symbol: string;
  side: "buy" | "sell";
  /** Unique among the account's orders; the server makes one when neither this nor client_ref is given. */
  client_order_id?: string | null;
  /** A number instead of a client_order_id. */
  client_ref?: string | number | null;
  /** What is shown at a time. */
  display_quantity?: string | null;
  /** Of GTD orders, a time or Unix milliseconds. */
  expires_at?: string | number | null;
  /** Trades this much at once or nothing. */
  min_quantity?: string | null;
  /** Refused instead of trading at once. */
  post_only?: boolean | null;
  /** A decimal without an exponent. */
  price?: string | null;
  /** The worst price at which an order at market trades. */
  protection_price?: string | null;
  /** A decimal without an exponent. */
  quantity?: string | null;
  /** Another name of quote_quantity. */
  quote_budget?: string | null;
  /** Of orders that buy at market instead of a quantity. */
  quote_quantity?: string | null;
  self_trade_prevention?: "none" | "cancel_taker" | "cancel_maker" | "cancel_both" | "decrement" | null;
  /** GTC when it is absent, IOC for what trades at market, which takes IOC and FOK only. */
  time_in_force?: "GTC" | "IOC" | "FOK" | "GTD" | "DAY" | null;
  /** How far the trigger stays behind the best price. */
  trail?: string | null;
  /** The last price at which a stop becomes active. */
  trigger_price?: string | null;
  /** limit when it is absent. */
  type?: "limit" | "market" | "stop" | "stop_limit" | "take_profit" | "take_profit_limit" | "trailing_stop" | null;
}

/** Both of one market and on one side. */
export interface NewPair {
  first: NewOrder;
  second: NewOrder;
}

export interface NewTerms {
  /** A decimal above 0 without an exponent. */
  price?: string | null;
  /** A decimal above 0 without an exponent. */
  quantity?: string | null;
}

/** price is null for orders at market, and quantity for those with a budget. What few orders have is absent from the others. */
export interface Order {
  id: number;
  client_order_id: string;
  symbol: string | null;
  side: Side;
  type: OrderType;
  time_in_force: TimeInForce;
  price: string | null;
  quantity: string | null;
  filled: string;
  remaining: string | null;
  status: OrderStatus;
  /** Why it was refused or canceled. */
  reason: string | null;
  fills: Fill[];
  client_ref?: number;
  created_at?: string;
  display_quantity?: string;
  expires_at?: string;
  min_quantity?: string;
  /** The other order of a pair. */
  other_leg?: number;
  post_only?: boolean;
  protection_price?: string;
  quote_quantity?: string;
  self_trade_prevention?: SelfTrade;
  trail?: string;
  trigger_price?: string;
  updated_at?: string;
}

export interface OrderList {
  data: Order[];
  /** The cursor of what follows; null when nothing does. */
  next: string | null;
  /** Whether there is more now. */
  more: boolean;
}

export interface OrderPair {
  data: [Order, Order];
}

/** What became of a command. */
export interface OrderResult {
  id: number;
  status: OrderStatus;
  client_order_id?: string;
  client_ref?: number;
  filled?: string;
  fills?: Fill[];
  message?: string;
  reason?: string;
  remaining?: string;
  /** The command was carried out before. */
  repeated?: boolean;
  /** The second order of a pair. */
  second_id?: number;
}

export type OrderStatus = "open" | "partially_filled" | "filled" | "canceled" | "rejected" | "expired" | "waiting";

export type OrderType = "limit" | "market" | "stop" | "stop_limit" | "take_profit" | "take_profit_limit" | "trailing_stop";

export type Outcome = OrderResult | Failure;

export interface OutcomeList {
  data: Outcome[];
}

export interface PairElement {
  op: "pair";
  first: NewOrder;
  second: NewOrder;
}

/** An order's place in a queue of the book. */
export interface Place {
  order_id: number;
  account: number;
  side: Side;
  price: string;
  remaining: string;
  visible: string;
  /** Of two orders at one price the lower one is first. */
  queue: number;
}

export interface PlaceElement {
  op: "place";
  symbol: string;
  side: "buy" | "sell";
  /** Unique among the account's orders; the server makes one when neither this nor client_ref is given. */
  client_order_id?: string | null;
  /** A number instead of a client_order_id. */
  client_ref?: string | number | null;
  /** What is shown at a time. */
  display_quantity?: string | null;
  /** Of GTD orders, a time or Unix milliseconds. */
  expires_at?: string | number | null;
  /** Trades this much at once or nothing. */
  min_quantity?: string | null;
  /** Refused instead of trading at once. */
  post_only?: boolean | null;
  /** A decimal without an exponent. */
  price?: string | null;
  /** The worst price at which an order at market trades. */
  protection_price?: string | null;
  /** A decimal without an exponent. */
  quantity?: string | null;
  /** Another name of quote_quantity. */
  quote_budget?: string | null;
  /** Of orders that buy at market instead of a quantity. */
  quote_quantity?: string | null;
  self_trade_prevention?: "none" | "cancel_taker" | "cancel_maker" | "cancel_both" | "decrement" | null;
  /** GTC when it is absent, IOC for what trades at market, which takes IOC and FOK only. */
  time_in_force?: "GTC" | "IOC" | "FOK" | "GTD" | "DAY" | null;
  /** How far the trigger stays behind the best price. */
  trail?: string | null;
  /** The last price at which a stop becomes active. */
  trigger_price?: string | null;
  /** limit when it is absent. */
  type?: "limit" | "market" | "stop" | "stop_limit" | "take_profit" | "take_profit_limit" | "trailing_stop" | null;
}

/** RFC 9457. The code is stable; the sentences are for people. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  /** What would be right. */
  allowed?: string[];
  detail?: string;
  /** When several are at fault: all of them, the first of which is told above too. */
  errors?: FieldError[];
  /** What is at fault. */
  parameter?: string;
  request_id?: string;
  retry_after_ms?: number;
}

export type ProblemCode = "bad_parameter" | "unknown_parameter" | "bad_body" | "behind" | "other_epoch" | "too_many_waits" | "bad_query" | "body_too_large" | "too_many" | "unauthorized" | "bad_token" | "forbidden" | "not_found" | "upgrade_required" | "rate_limited" | "limits_unavailable" | "maintenance" | "too_many_sockets" | "too_many_sockets_of_address" | "token_in_url" | "origin_refused" | "shutting_down" | "loading" | "unavailable" | "not_sent" | "intake_stopped" | "internal" | "http_404" | "http_405" | "unknown_market" | "bad_tick" | "bad_lot" | "bad_price" | "bad_quantity" | "insufficient_balance" | "unknown_order" | "conflict" | "stale" | "halted" | "unknown_asset" | "bad_command" | "not_allowed" | "overflow" | "unknown_account" | "already_done" | "would_take" | "outside_collar" | "below_minimum" | "above_maximum" | "bad_trigger" | "bad_display" | "bad_expiry" | "phase" | "one_side" | "duplicate" | "unprotected" | "bad_version" | "refused";

export interface Queue {
  seq: number;
  orders: Place[];
}

export interface Quote {
  seq: number;
  symbol: string;
  side: Side;
  quantity: string;
  filled: string;
  /** Of what would fill, without the fee. */
  total: string | null;
  average: string | null;
  worst: string | null;
  /** As taker. */
  fee: string | null;
  status: "ok" | "insufficient_liquidity";
}

export interface Readiness {
  status: "ready" | "not ready";
  postgres?: DatabaseServer[];
  waiting_for?: string[];
}

/** The blocks to_number+1..from_number are no longer part of the chain. seq is its position in the feed; blocks and events are the rows that it took away. */
export interface Reorg {
  seq: number;
  network: string;
  from_number: number;
  from_hash: string;
  to_number: number;
  to_hash: string;
  depth: number;
  blocks: number;
  events: number;
}

export interface ReorgList {
  data: Reorg[];
  /** The cursor of what follows; null when nothing does. */
  next: string | null;
  /** Whether there is more now. */
  more: boolean;
}

export interface ReplaceElement {
  op: "replace";
  order: NewOrder;
  client_order_id?: string | null;
  client_ref?: string | number | null;
  id?: string | number | null;
}

export interface Report {
  name: string;
  version: string;
  status: "ok" | "loading";
  since: string;
  networks: Network[];
}

export type SelfTrade = "none" | "cancel_taker" | "cancel_maker" | "cancel_both" | "decrement";

export type Side = "buy" | "sell";

/** Prices are null where there is no trade to take them from. */
export interface Ticker {
  seq: number;
  symbol: string;
  last: string | null;
  /** Price and quantity. */
  bid: LevelOrNull;
  /** Price and quantity. */
  ask: LevelOrNull;
  open: string | null;
  change: string | null;
  change_percent: string | null;
  high: string | null;
  low: string | null;
  volume: string;
  quote_volume: string;
  trades: number;
  at?: string;
}

export interface TickerList {
  data: Ticker[];
  /** The cursor of what follows; null when nothing does. */
  next: string | null;
  /** Whether there is more now. */
  more: boolean;
}

export type TimeInForce = "GTC" | "IOC" | "FOK" | "GTD" | "DAY";

export interface Top {
  seq: number;
  /** Price and quantity. */
  bid: LevelOrNull;
  /** Price and quantity. */
  ask: LevelOrNull;
}

export interface Trade {
  trade_id: number;
  symbol: string;
  price: string;
  quantity: string;
  taker_side: "buy" | "sell" | "";
  at: string;
  seq: number;
  auction?: boolean;
}

export interface TradeList {
  data: Trade[];
  /** The cursor of what follows; null when nothing does. */
  next: string | null;
  /** Whether there is more now. */
  more: boolean;
}

/** What is stored of a transaction. block_number and what belongs to it are null when it is in no block any more; confirmations is absent once it is final. */
export interface Tx {
  network: string;
  hash: string;
  status: "included" | "orphaned";
  finalized: boolean;
  block_number: number | null;
  block_hash: string | null;
  block_time: number | null;
  tx_index: number | null;
  events: Event[];
  orphaned: ListedEvent[];
  confirmations?: number;
  /** It has more events than are told here. */
  truncated?: boolean;
}

export interface UnknownOutcome {
  status: "unknown";
  detail: string;
  client_order_id?: string;
  client_ref?: number;
}

export interface Version {
  version: string;
  /** Empty where the build did not know it. */
  commit: string;
  /** The build was not the commit alone. */
  modified: boolean;
  go: string;
}

export interface AccountDeploysParams {
  // From 1; anything else is 1.
  page?: number;
  // At most 20, 10 when it is absent.
  limit?: number;
}

export interface AccountDeploysOfParams {
  // From 1; anything else is 1.
  page?: number;
  // At most 20, 10 when it is absent.
  limit?: number;
}

export interface CancelAllParams {
  symbol?: string;
  side?: "buy" | "sell";
}

export interface CasperBlocksParams {
  // From 1; anything else is 1.
  page?: number;
  // At most 20, 10 when it is absent.
  limit?: number;
}

export interface CasperBlocksOfParams {
  // From 1; anything else is 1.
  page?: number;
  // At most 20, 10 when it is absent.
  limit?: number;
}

export interface GetAccountParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
  // Waits until the network is indexed up to this height.
  min_block?: number;
  // Waits until a transaction has events.
  wait_tx?: string;
  // How long min_block and wait_tx wait, in milliseconds.
  wait_ms?: number;
}

export interface GetBlockParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
  // Waits until the network is indexed up to this height.
  min_block?: number;
  // Waits until a transaction has events.
  wait_tx?: string;
  // How long min_block and wait_tx wait, in milliseconds.
  wait_ms?: number;
}

export interface GetDepthParams {
  // Levels a side.
  limit?: number;
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface GetIndicationParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface GetMarketParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface GetOrderParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface GetOrderByClientIDParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface GetOrderByClientRefParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface GetQueueParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface GetQuoteParams {
  side: "buy" | "sell";
  quantity: string;
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface GetTickerParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface GetTopParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface GetTxParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
  // Waits until the network is indexed up to this height.
  min_block?: number;
  // Waits until a transaction has events.
  wait_tx?: string;
  // How long min_block and wait_tx wait, in milliseconds.
  wait_ms?: number;
}

export interface ListAuctionsParams {
  // Rows of an answer.
  limit?: number;
  // What an answer carried as next. Opaque.
  cursor?: string;
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface ListBalancesParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface ListBlocksParams {
  // Lowest height.
  from_block?: number;
  // Highest height.
  to_block?: number;
  // Blocks of this time or later: RFC 3339, or Unix seconds.
  from_time?: string;
  // Blocks before this time.
  to_time?: string;
  // finalized: up to the finalized height only.
  finality?: "any" | "finalized";
  // orphaned: with what reorganisations and repairs took away, each marked and before the canonical row
  // of its place.
  include?: "canonical" | "orphaned";
  // By height; a cursor goes on in the order that it was made with.
  order?: "asc" | "desc";
  // Rows of an answer.
  limit?: number;
  // What an answer carried as next. Opaque.
  cursor?: string;
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
  // Waits until the network is indexed up to this height.
  min_block?: number;
  // Waits until a transaction has events.
  wait_tx?: string;
  // How long min_block and wait_tx wait, in milliseconds.
  wait_ms?: number;
}

export interface ListCandlesParams {
  interval: Interval;
  // First opening time.
  from?: string;
  // Opening time of the first candle that is too late.
  to?: string;
  // Rows of an answer.
  limit?: number;
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface ListEventsParams {
  // A contract of the configuration by name.
  contract?: string;
  // The emitting address, in any case; a mixed-case one with a wrong checksum is refused.
  address?: string;
  // An address that stands in one of the event's indexed arguments.
  account?: string;
  // An event by name.
  event?: string;
  topic0?: string;
  topic1?: string;
  topic2?: string;
  topic3?: string;
  // Decoded arguments by name, each a parameter of its own.
  args?: Record<string, string>;
  // Lowest height.
  from_block?: number;
  // Highest height.
  to_block?: number;
  // Blocks of this time or later: RFC 3339, or Unix seconds.
  from_time?: string;
  // Blocks before this time.
  to_time?: string;
  // finalized: up to the finalized height only.
  finality?: "any" | "finalized";
  // orphaned: with what reorganisations and repairs took away, each marked and before the canonical row
  // of its place.
  include?: "canonical" | "orphaned";
  // By height; a cursor goes on in the order that it was made with.
  order?: "asc" | "desc";
  // Rows of an answer.
  limit?: number;
  // What an answer carried as next. Opaque.
  cursor?: string;
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
  // Waits until the network is indexed up to this height.
  min_block?: number;
  // Waits until a transaction has events.
  wait_tx?: string;
  // How long min_block and wait_tx wait, in milliseconds.
  wait_ms?: number;
}

export interface ListMarketsParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface ListMessagesParams {
  // 64 hex digits, with or without a prefix such as entity-contract-.
  entity?: string;
  // A topic's name.
  topic?: string;
  // Rows of an answer.
  limit?: number;
  // What an answer carried as next. Opaque.
  cursor?: string;
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
  // Waits until the network is indexed up to this height.
  min_block?: number;
  // Waits until a transaction has events.
  wait_tx?: string;
  // How long min_block and wait_tx wait, in milliseconds.
  wait_ms?: number;
}

export interface ListOrdersParams {
  // open: every order that can still be filled, waiting and partially filled ones among them.
  status?: "open" | "waiting" | "partially_filled" | "filled" | "canceled" | "rejected" | "expired";
  // Rows of an answer.
  limit?: number;
  // What an answer carried as next. Opaque.
  cursor?: string;
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface ListReorgsParams {
  // By when they were noticed.
  order?: "asc" | "desc";
  // Rows of an answer.
  limit?: number;
  // What an answer carried as next. Opaque.
  cursor?: string;
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
  // Waits until the network is indexed up to this height.
  min_block?: number;
  // Waits until a transaction has events.
  wait_tx?: string;
  // How long min_block and wait_tx wait, in milliseconds.
  wait_ms?: number;
}

export interface ListTickersParams {
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

export interface ListTradesParams {
  // Rows of an answer.
  limit?: number;
  // What an answer carried as next. Opaque.
  cursor?: string;
  // Positions that the answer must not be older than, with commas between them, as the header
  // Fondaco-Seq of an answer or a frame's epoch and seq give them. The request may carry the same in
  // the header Fondaco-Seq. What cannot be answered as fresh is refused with behind.
  min_seq?: string;
}

/** Every route of the api as a call. A refusal is thrown as a Refusal. */
export class Client extends Caller {
  constructor(options: Options) {
    super(options);
  }

  /** Deploys of a public key, newest first; over a WebSocket as they come. */
  accountDeploys(key: string, params: AccountDeploysParams = {}): Promise<CasperDeployPage> {
    return this.call("GET", `/accountDeploys/${segment(key)}`, { ...params }, undefined);
  }

  /** Deploys of a public key, newest first; over a WebSocket as they come. */
  accountDeploysOf(network: string, key: string, params: AccountDeploysOfParams = {}): Promise<CasperDeployPage> {
    return this.call("GET", `/casper/${segment(network)}/accountDeploys/${segment(key)}`, { ...params }, undefined);
  }

  /** Give an order another price, another quantity, or both. */
  amendOrder(id: number, body: NewTerms): Promise<ChangedOrder> {
    return this.call("PATCH", `/v1/orders/${segment(id)}`, {}, body);
  }

  /** Give an order another price, another quantity, or both. */
  amendOrderByClientID(cid: string, body: NewTerms): Promise<ChangedOrder> {
    return this.call("PATCH", `/v1/orders/by-client-id/${segment(cid)}`, {}, body);
  }

  /** Give an order another price, another quantity, or both. */
  amendOrderByClientRef(ref: number, body: NewTerms): Promise<ChangedOrder> {
    return this.call("PATCH", `/v1/orders/by-client-ref/${segment(ref)}`, {}, body);
  }

  /** Up to a hundred commands in order. */
  batchOrders(body: Batch): Promise<OutcomeList> {
    return this.call("POST", `/v1/orders/batch`, {}, body);
  }

  /** Cancel all orders, or those of a market or a side. */
  cancelAll(params: CancelAllParams = {}): Promise<Canceled> {
    return this.call("DELETE", `/v1/orders`, { ...params }, undefined);
  }

  /** Cancel an order. */
  cancelOrder(id: number): Promise<ChangedOrder> {
    return this.call("DELETE", `/v1/orders/${segment(id)}`, {}, undefined);
  }

  /** Cancel an order. */
  cancelOrderByClientID(cid: string): Promise<ChangedOrder> {
    return this.call("DELETE", `/v1/orders/by-client-id/${segment(cid)}`, {}, undefined);
  }

  /** Cancel an order. */
  cancelOrderByClientRef(ref: number): Promise<ChangedOrder> {
    return this.call("DELETE", `/v1/orders/by-client-ref/${segment(ref)}`, {}, undefined);
  }

  /** A block; over a WebSocket this block when it comes. */
  casperBlock(hash: string): Promise<CasperBlock> {
    return this.call("GET", `/block/${segment(hash)}`, {}, undefined);
  }

  /** A block; over a WebSocket this block when it comes. */
  casperBlockOf(network: string, hash: string): Promise<CasperBlock> {
    return this.call("GET", `/casper/${segment(network)}/block/${segment(hash)}`, {}, undefined);
  }

  /** Blocks, newest first; over a WebSocket each block that comes. */
  casperBlocks(params: CasperBlocksParams = {}): Promise<CasperBlockPage> {
    return this.call("GET", `/blocks`, { ...params }, undefined);
  }

  /** Blocks, newest first; over a WebSocket each block that comes. */
  casperBlocksOf(network: string, params: CasperBlocksOfParams = {}): Promise<CasperBlockPage> {
    return this.call("GET", `/casper/${segment(network)}/blocks`, { ...params }, undefined);
  }

  /** A deploy; over a WebSocket its states as they come. */
  casperDeploy(hash: string): Promise<CasperDeploy> {
    return this.call("GET", `/deploy/${segment(hash)}`, {}, undefined);
  }

  /** A deploy; over a WebSocket its states as they come. */
  casperDeployOf(network: string, hash: string): Promise<CasperDeploy> {
    return this.call("GET", `/casper/${segment(network)}/deploy/${segment(hash)}`, {}, undefined);
  }

  /** An account of a Casper network. */
  getAccount(network: string, key: string, params: GetAccountParams = {}): Promise<CasperAccount> {
    return this.call("GET", `/v1/networks/${segment(network)}/accounts/${segment(key)}`, { ...params }, undefined);
  }

  /** A block by number or hash. */
  getBlock(network: string, block: string, params: GetBlockParams = {}): Promise<AnyBlock> {
    return this.call("GET", `/v1/networks/${segment(network)}/blocks/${segment(block)}`, { ...params }, undefined);
  }

  /** The book by price levels. */
  getDepth(symbol: string, params: GetDepthParams = {}): Promise<Depth> {
    return this.call("GET", `/v1/markets/${segment(symbol)}/depth`, { ...params }, undefined);
  }

  /** What an auction would do if it ended now. */
  getIndication(symbol: string, params: GetIndicationParams = {}): Promise<Indication> {
    return this.call("GET", `/v1/markets/${segment(symbol)}/auctions/indicative`, { ...params }, undefined);
  }

  /** A market and its rules. */
  getMarket(symbol: string, params: GetMarketParams = {}): Promise<Market> {
    return this.call("GET", `/v1/markets/${segment(symbol)}`, { ...params }, undefined);
  }

  /** A network. */
  getNetwork(network: string): Promise<Network> {
    return this.call("GET", `/v1/networks/${segment(network)}`, {}, undefined);
  }

  /** An order. */
  getOrder(id: number, params: GetOrderParams = {}): Promise<Order> {
    return this.call("GET", `/v1/orders/${segment(id)}`, { ...params }, undefined);
  }

  /** An order. */
  getOrderByClientID(cid: string, params: GetOrderByClientIDParams = {}): Promise<Order> {
    return this.call("GET", `/v1/orders/by-client-id/${segment(cid)}`, { ...params }, undefined);
  }

  /** An order. */
  getOrderByClientRef(ref: number, params: GetOrderByClientRefParams = {}): Promise<Order> {
    return this.call("GET", `/v1/orders/by-client-ref/${segment(ref)}`, { ...params }, undefined);
  }

  /** The book order by order. */
  getQueue(symbol: string, params: GetQueueParams = {}): Promise<Queue> {
    return this.call("GET", `/v1/markets/${segment(symbol)}/queue`, { ...params }, undefined);
  }

  /** What an order at market would trade for now. */
  getQuote(symbol: string, params: GetQuoteParams): Promise<Quote> {
    return this.call("GET", `/v1/markets/${segment(symbol)}/quote`, { ...params }, undefined);
  }

  /** The last 24 hours of a market. */
  getTicker(symbol: string, params: GetTickerParams = {}): Promise<Ticker> {
    return this.call("GET", `/v1/markets/${segment(symbol)}/ticker`, { ...params }, undefined);
  }

  /** Best bid and ask. */
  getTop(symbol: string, params: GetTopParams = {}): Promise<Top> {
    return this.call("GET", `/v1/markets/${segment(symbol)}/bbo`, { ...params }, undefined);
  }

  /** A transaction of an EVM network. */
  getTx(network: string, hash: string, params: GetTxParams = {}): Promise<Tx> {
    return this.call("GET", `/v1/networks/${segment(network)}/txs/${segment(hash)}`, { ...params }, undefined);
  }

  /** Which build this is. */
  getVersion(): Promise<Version> {
    return this.call("GET", `/version`, {}, undefined);
  }

  /** The dead man's switch. */
  keepAlive(body: KeepAlive): Promise<KeptAlive> {
    return this.call("PUT", `/v1/keepalive`, {}, body);
  }

  /** Auctions that ended, newest first. */
  listAuctions(symbol: string, params: ListAuctionsParams = {}): Promise<AuctionList> {
    return this.call("GET", `/v1/markets/${segment(symbol)}/auctions`, { ...params }, undefined);
  }

  /** The account's holdings. */
  listBalances(params: ListBalancesParams = {}): Promise<BalanceList> {
    return this.call("GET", `/v1/balances`, { ...params }, undefined);
  }

  /** Blocks by height. */
  listBlocks(network: string, params: ListBlocksParams = {}): Promise<ListedBlockList> {
    return this.call("GET", `/v1/networks/${segment(network)}/blocks`, { ...params }, undefined);
  }

  /** Candles that open in a stretch of time, newest first. */
  listCandles(symbol: string, params: ListCandlesParams): Promise<CandleList> {
    return this.call("GET", `/v1/markets/${segment(symbol)}/candles`, { ...params }, undefined);
  }

  /** Events of an EVM network, filtered. */
  listEvents(network: string, params: ListEventsParams = {}): Promise<ListedEventList> {
    return this.call("GET", `/v1/networks/${segment(network)}/events`, prefixed("arg.", params), undefined);
  }

  /** All markets and their rules. */
  listMarkets(params: ListMarketsParams = {}): Promise<MarketList> {
    return this.call("GET", `/v1/markets`, { ...params }, undefined);
  }

  /** Messages of contracts of a Casper network, newest first. */
  listMessages(network: string, params: ListMessagesParams = {}): Promise<CasperMessageList> {
    return this.call("GET", `/v1/networks/${segment(network)}/messages`, { ...params }, undefined);
  }

  /** All networks. */
  listNetworks(): Promise<NetworkList> {
    return this.call("GET", `/v1/networks`, {}, undefined);
  }

  /** The account's orders, newest first. */
  listOrders(params: ListOrdersParams = {}): Promise<OrderList> {
    return this.call("GET", `/v1/orders`, { ...params }, undefined);
  }

  /** Reorganisations of an EVM network. */
  listReorgs(network: string, params: ListReorgsParams = {}): Promise<ReorgList> {
    return this.call("GET", `/v1/networks/${segment(network)}/reorgs`, { ...params }, undefined);
  }

  /** The last 24 hours of all markets. */
  listTickers(params: ListTickersParams = {}): Promise<TickerList> {
    return this.call("GET", `/v1/tickers`, { ...params }, undefined);
  }

  /** Trades, newest first. */
  listTrades(symbol: string, params: ListTradesParams = {}): Promise<TradeList> {
    return this.call("GET", `/v1/markets/${segment(symbol)}/trades`, { ...params }, undefined);
  }

  /** Whether the process answers. */
  livez(): Promise<string> {
    return this.call("GET", `/livez`, {}, undefined);
  }

  /** Two orders of which one cancels the other. */
  pairOrders(body: NewPair): Promise<OrderPair> {
    return this.call("POST", `/v1/orders/pair`, {}, body);
  }

  /** Place an order. */
  placeOrder(body: NewOrder): Promise<Order> {
    return this.call("POST", `/v1/orders`, {}, body);
  }

  /** Whether the process can serve, and what it waits for. */
  readyz(): Promise<Readiness> {
    return this.call("GET", `/readyz`, {}, undefined);
  }

  /** Cancel an order and place another in one step. */
  replaceOrder(id: number, body: NewOrder): Promise<Order> {
    return this.call("POST", `/v1/orders/${segment(id)}/replace`, {}, body);
  }

  /** What this is and how far each network is. */
  root(): Promise<Report> {
    return this.call("GET", `/`, {}, undefined);
  }

  /** Native transfers of an account, newest first. */
  transfers(account: string): Promise<CasperTransfer[]> {
    return this.call("GET", `/transfers/${segment(account)}`, {}, undefined);
  }

  /** Native transfers of an account, newest first. */
  transfersOf(network: string, account: string): Promise<CasperTransfer[]> {
    return this.call("GET", `/casper/${segment(network)}/transfers/${segment(account)}`, {}, undefined);
  }
}
