// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.27;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

/// A marketplace of wine lots for the development chain. Sellers keep their
/// cases and approve this contract; a sale moves cases and money at once.
///
/// Its events hold one of each kind of type that an indexer must decode:
/// indexed and plain values, an indexed string (of which the log keeps only
/// the hash), fixed bytes, signed numbers, dynamic strings, arrays of tuples.
contract Market is ReentrancyGuard {
    using SafeERC20 for IERC20;

    struct Bottle {
        uint16 vintage;
        string label;
        uint256 millilitres;
    }

    struct Listing {
        address seller;
        uint256 lot;
        uint256 cases;
        uint256 price;
    }

    event Listed(
        uint256 indexed listing,
        address indexed seller,
        string indexed cellar,
        uint256 lot,
        uint256 cases,
        uint256 price,
        Bottle[] bottles,
        bytes32 terms,
        bool negotiable
    );
    event Sold(
        uint256 indexed listing,
        address indexed seller,
        address indexed buyer,
        uint256 cases,
        uint256 total,
        int256 remaining
    );
    event Cancelled(uint256 indexed listing, address indexed seller, string reason);

    error NotOpen(uint256 listing);
    error NotSeller(uint256 listing, address caller);
    error NotEnough(uint256 listing, uint256 wanted, uint256 left);

    IERC20 public immutable usd;
    IERC1155 public immutable wine;
    uint256 public listings;
    mapping(uint256 listing => Listing) public listingOf;

    constructor(IERC20 usd_, IERC1155 wine_) {
        usd = usd_;
        wine = wine_;
    }

    /// Opens a listing; listings are numbered 1, 2, 3, …
    function list(
        uint256 lot,
        uint256 cases,
        uint256 price,
        string calldata cellar,
        Bottle[] calldata bottles,
        bytes32 terms,
        bool negotiable
    ) external returns (uint256 listing) {
        listing = ++listings;
        listingOf[listing] = Listing(msg.sender, lot, cases, price);
        emit Listed(listing, msg.sender, cellar, lot, cases, price, bottles, terms, negotiable);
    }

    /// Pays `cases` times the price and takes the cases.
    function buy(uint256 listing, uint256 cases) external nonReentrant {
        Listing storage l = listingOf[listing];
        if (l.seller == address(0)) revert NotOpen(listing);
        if (cases > l.cases) revert NotEnough(listing, cases, l.cases);
        l.cases -= cases;
        uint256 total = cases * l.price;
        (address seller, uint256 lot, uint256 left) = (l.seller, l.lot, l.cases);
        if (left == 0) delete listingOf[listing];
        emit Sold(listing, seller, msg.sender, cases, total, int256(left));
        usd.safeTransferFrom(msg.sender, seller, total);
        wine.safeTransferFrom(seller, msg.sender, lot, cases, "");
    }

    function cancel(uint256 listing, string calldata reason) external {
        Listing storage l = listingOf[listing];
        if (l.seller == address(0)) revert NotOpen(listing);
        if (l.seller != msg.sender) revert NotSeller(listing, msg.sender);
        delete listingOf[listing];
        emit Cancelled(listing, msg.sender, reason);
    }
}
